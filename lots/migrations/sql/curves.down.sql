DROP TRIGGER append_only ON lots_curvefile;
DROP TRIGGER never_truncated ON lots_curvefile;
