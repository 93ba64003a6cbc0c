DROP TRIGGER audit ON quality_acceptancedecision;
DROP TRIGGER audit ON quality_acceptanceplan;
DROP TRIGGER append_only ON quality_acceptancedecision;
DROP TRIGGER append_only ON quality_acceptanceplan;
