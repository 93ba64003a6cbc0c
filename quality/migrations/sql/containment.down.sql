DROP TRIGGER audit ON quality_containmentchange;
DROP TRIGGER append_only ON quality_containmentchange;
