DROP TRIGGER audit ON quality_gaugeverdict;
DROP TRIGGER audit ON quality_gaugereading;
DROP TRIGGER audit ON quality_gaugestudy;
DROP TRIGGER append_only ON quality_gaugeverdict;
DROP TRIGGER append_only ON quality_gaugereading;
DROP TRIGGER append_only ON quality_gaugestudy;
