ALTER TABLE quality_caseentry DROP CONSTRAINT case_retest_controlled;
DROP TRIGGER audit ON quality_casephoto;
DROP TRIGGER append_only ON quality_casephoto;
