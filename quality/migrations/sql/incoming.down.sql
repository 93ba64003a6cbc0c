DROP TRIGGER masters_changed ON quality_certificateitem;
DROP TRIGGER masters_changed ON quality_incomingrule;
DROP TRIGGER audit ON quality_certificateitem;
DROP TRIGGER audit ON quality_incomingrule;
DROP TRIGGER append_only ON quality_certificateitem;
DROP TRIGGER append_only ON quality_incomingrule;
