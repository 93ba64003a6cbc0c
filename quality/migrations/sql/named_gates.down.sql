DROP TRIGGER masters_changed ON quality_namedgate;
DROP TRIGGER deviation_authority ON quality_deviationsignature;
DROP FUNCTION halite_deviation_authority();
DROP TRIGGER audit ON quality_deviationsignature;
DROP TRIGGER audit ON quality_deviation;
DROP TRIGGER audit ON quality_namedgate;
DROP TRIGGER append_only ON quality_deviationsignature;
DROP TRIGGER append_only ON quality_deviation;
DROP TRIGGER append_only ON quality_namedgate;
