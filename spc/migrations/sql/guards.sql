DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['spc_point', 'spc_signalmember', 'spc_subgroupmember', 'spc_basispoint', 'spc_chartplan',
                                'spc_stream', 'spc_chartcheckpoint'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_refuse_change()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['spc_chart', 'spc_limitrevision', 'spc_subgroup', 'spc_signal', 'spc_outboxentry'] LOOP
        EXECUTE format('CREATE TRIGGER never_deleted BEFORE DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_refuse_change()', name);
    END LOOP;
END $$;
CREATE TRIGGER set_once BEFORE UPDATE ON spc_limitrevision FOR EACH ROW
    EXECUTE FUNCTION halite_set_once('basis_changed_at');
CREATE TRIGGER set_once BEFORE UPDATE ON spc_subgroup FOR EACH ROW
    EXECUTE FUNCTION halite_set_once('closed_at', 'closed_by');
CREATE TRIGGER set_once BEFORE UPDATE ON spc_signal FOR EACH ROW
    EXECUTE FUNCTION halite_set_once('reaction', 'judged_at', 'acknowledged_by_id', 'acknowledged_at', 'cause');
CREATE TRIGGER change_only BEFORE UPDATE ON spc_outboxentry FOR EACH ROW
    EXECUTE FUNCTION halite_change_only('attempts', 'error', 'processed_at', 'quarantined_at');

GRANT UPDATE (generation) ON spc_chart TO halite_app;
GRANT UPDATE (basis_changed_at) ON spc_limitrevision TO halite_app;
GRANT UPDATE (closed_at, closed_by) ON spc_subgroup TO halite_app;
GRANT UPDATE (reaction, judged_at, acknowledged_by_id, acknowledged_at, cause) ON spc_signal TO halite_app;
GRANT UPDATE (attempts, error, processed_at, quarantined_at) ON spc_outboxentry TO halite_app;
GRANT UPDATE (limit_revision_id, state, next_sequence, watermark_at) ON spc_chartstate TO halite_app;

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON spc_limitrevision
    FOR EACH ROW EXECUTE FUNCTION halite_audit('chart', 'chart_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON spc_signal
    FOR EACH ROW EXECUTE FUNCTION halite_audit('chart', 'chart_id');
