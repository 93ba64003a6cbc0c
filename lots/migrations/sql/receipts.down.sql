DROP TRIGGER refuse_expired ON lots_movement;
DROP FUNCTION halite_refuse_expired;
DROP TRIGGER audit ON lots_certificatevalue;
DROP TRIGGER audit ON lots_opening;
DROP TRIGGER audit ON lots_receipt;
DROP TRIGGER append_only ON lots_certificatevalue;
DROP TRIGGER append_only ON lots_opening;
DROP TRIGGER append_only ON lots_receipt;
