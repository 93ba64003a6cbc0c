DROP TRIGGER IF EXISTS masters_changed ON lots_shift;
DROP TRIGGER IF EXISTS masters_changed ON quality_zonerule;
DROP TRIGGER audit ON quality_shiftcheck;
DROP TRIGGER append_only ON quality_shiftcheck;
DROP TRIGGER audit ON quality_zonerule;
DROP TRIGGER append_only ON quality_zonerule;
