DROP TRIGGER change_only ON quality_nonconformance;
DROP TRIGGER set_once ON quality_controlplanline;
DROP TRIGGER set_once ON quality_controlplanrevision;
DROP TRIGGER audit_disposed_lot ON quality_dispositionitem;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'quality_requirement', 'quality_requirementrevision', 'quality_specification', 'quality_specificationline',
        'quality_controlplanrevision', 'quality_controlplanline', 'quality_disposition', 'quality_signature',
        'quality_nonconformance'] LOOP
        EXECUTE format('DROP TRIGGER audit ON %I', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['quality_nonconformance', 'quality_controlplan', 'quality_controlplanrevision',
                                'quality_controlplanline'] LOOP
        EXECUTE format('DROP TRIGGER never_deleted ON %I', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY[
        'quality_judgement', 'quality_defect', 'quality_reactionfiring', 'quality_disposition',
        'quality_dispositionitem', 'quality_signature', 'quality_requirement', 'quality_requirementrevision',
        'quality_specification', 'quality_specificationline', 'quality_workorderplan'] LOOP
        EXECUTE format('DROP TRIGGER append_only ON %I', name);
    END LOOP;
END $$;
DROP FUNCTION halite_disposition_authority() CASCADE;
DROP FUNCTION halite_hold_closed_by_item() CASCADE;
ALTER TABLE spc_limitrevision DROP CONSTRAINT limitrevision_signature_fk;
ALTER TABLE lots_holdlot DROP CONSTRAINT holdlot_disposition_fk;
