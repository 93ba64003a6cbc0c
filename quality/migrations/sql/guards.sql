-- A hold is closed by naming the disposition that decided it, and only for the item that the disposition lists.
ALTER TABLE lots_holdlot ADD CONSTRAINT holdlot_disposition_fk
    FOREIGN KEY (disposition_id) REFERENCES quality_disposition (id);
ALTER TABLE spc_limitrevision ADD CONSTRAINT limitrevision_signature_fk
    FOREIGN KEY (signature_id) REFERENCES quality_signature (id);

CREATE FUNCTION halite_hold_closed_by_item() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NEW.disposition_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM quality_dispositionitem i
        WHERE i.disposition_id = NEW.disposition_id AND i.hold_lot_id = NEW.id AND i.lot_id = NEW.lot_id) THEN
        RAISE EXCEPTION 'a hold is closed only by a disposition that names it' USING ERRCODE = 'HL004';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER hold_closed_by_item BEFORE INSERT OR UPDATE ON lots_holdlot
    FOR EACH ROW EXECUTE FUNCTION halite_hold_closed_by_item();

-- Only somebody who may decide at that site can be the author of a disposition, under their own signature.
CREATE FUNCTION halite_disposition_authority() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM lots_membership m JOIN lots_user u ON u.id = m.user_id
                   WHERE m.user_id = NEW.decided_by_id AND m.site_id = NEW.site_id AND u.is_active
                     AND m.retired_at IS NULL AND m.role = 'quality_engineer')
       OR NOT EXISTS (SELECT 1 FROM quality_signature s
                      WHERE s.id = NEW.signature_id AND s.signer_id = NEW.decided_by_id) THEN
        RAISE EXCEPTION 'a disposition needs a quality engineer of the site and their signature' USING ERRCODE = 'HL004';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER disposition_authority BEFORE INSERT ON quality_disposition
    FOR EACH ROW EXECUTE FUNCTION halite_disposition_authority();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'quality_judgement', 'quality_defect', 'quality_reactionfiring', 'quality_disposition',
        'quality_dispositionitem', 'quality_signature', 'quality_requirement', 'quality_requirementrevision',
        'quality_specification', 'quality_specificationline', 'quality_workorderplan'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_refuse_change()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['quality_nonconformance', 'quality_controlplan', 'quality_controlplanrevision',
                                'quality_controlplanline'] LOOP
        EXECUTE format('CREATE TRIGGER never_deleted BEFORE DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_refuse_change()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY[
        'quality_requirement', 'quality_requirementrevision', 'quality_specification', 'quality_specificationline',
        'quality_controlplanrevision', 'quality_controlplanline', 'quality_disposition', 'quality_signature',
        'quality_nonconformance'] LOOP
        EXECUTE format('CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_audit(%L, %L)', name, name, 'id');
    END LOOP;
END $$;
CREATE TRIGGER audit_disposed_lot AFTER INSERT ON quality_dispositionitem
    FOR EACH ROW EXECUTE FUNCTION halite_audit('lot', 'lot_id');
CREATE TRIGGER set_once BEFORE UPDATE ON quality_controlplanrevision FOR EACH ROW
    EXECUTE FUNCTION halite_set_once('published_at', 'published_by_id');
CREATE TRIGGER set_once BEFORE UPDATE ON quality_controlplanline FOR EACH ROW
    EXECUTE FUNCTION halite_set_once('chart_plan_id');
CREATE TRIGGER change_only BEFORE UPDATE ON quality_nonconformance FOR EACH ROW
    EXECUTE FUNCTION halite_change_only('state');

GRANT UPDATE (published_at, published_by_id) ON quality_controlplanrevision TO halite_app;
GRANT UPDATE (chart_plan_id) ON quality_controlplanline TO halite_app;
GRANT UPDATE (state) ON quality_nonconformance TO halite_app;
