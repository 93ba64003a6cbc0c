DROP FUNCTION halite_audit() CASCADE;
DROP FUNCTION halite_audit_hold_members() CASCADE;
DROP FUNCTION halite_audit_measurements() CASCADE;
DROP FUNCTION halite_append_audit(text, text, text, text, text) CASCADE;
