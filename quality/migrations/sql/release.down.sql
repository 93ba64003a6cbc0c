DROP TRIGGER release_authority ON quality_release;
DROP FUNCTION halite_release_authority();
DROP TRIGGER audit ON quality_release;
DROP TRIGGER append_only ON quality_release;
