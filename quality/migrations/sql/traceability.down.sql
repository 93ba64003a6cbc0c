DROP TRIGGER audit ON quality_readinessaudit;
DROP TRIGGER append_only ON quality_readinessaudit;
DROP TRIGGER audit ON quality_baseline;
DROP TRIGGER append_only ON quality_baseline;
DROP TRIGGER audit ON quality_recheck;
DROP TRIGGER append_only ON quality_recheck;
