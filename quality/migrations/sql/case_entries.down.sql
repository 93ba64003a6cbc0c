DROP TRIGGER case_is_open ON quality_caseentry;
DROP FUNCTION halite_case_is_open();
DROP TRIGGER audit ON quality_caseentry;
DROP TRIGGER append_only ON quality_caseentry;
