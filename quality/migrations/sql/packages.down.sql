DROP TRIGGER audit ON quality_packageissue;
DROP TRIGGER audit ON quality_packagebuild;
DROP TRIGGER audit ON quality_evidencepackage;
DROP TRIGGER append_only ON quality_packageissue;
DROP TRIGGER append_only ON quality_packagebuild;
DROP TRIGGER append_only ON quality_packageprogress;
DROP TRIGGER append_only ON quality_evidencepackage;
