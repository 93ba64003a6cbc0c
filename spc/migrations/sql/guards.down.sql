DROP TRIGGER audit ON spc_signal;
DROP TRIGGER audit ON spc_limitrevision;
DROP TRIGGER change_only ON spc_outboxentry;
DROP TRIGGER set_once ON spc_signal;
DROP TRIGGER set_once ON spc_subgroup;
DROP TRIGGER set_once ON spc_limitrevision;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['spc_point', 'spc_signalmember', 'spc_subgroupmember', 'spc_basispoint', 'spc_chartplan',
                                'spc_stream', 'spc_chartcheckpoint'] LOOP
        EXECUTE format('DROP TRIGGER append_only ON %I', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['spc_chart', 'spc_limitrevision', 'spc_subgroup', 'spc_signal', 'spc_outboxentry'] LOOP
        EXECUTE format('DROP TRIGGER never_deleted ON %I', name);
    END LOOP;
END $$;
