DROP TRIGGER masters_changed ON quality_samplingevent;
DROP TRIGGER audit ON quality_samplingevent;
DROP TRIGGER append_only ON quality_samplingevent;
