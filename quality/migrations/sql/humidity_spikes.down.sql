DROP TRIGGER masters_changed ON quality_tightenedlimits;
DROP TRIGGER masters_changed ON quality_humidityspike;
DROP TRIGGER audit ON quality_spikelot;
DROP TRIGGER audit ON quality_tightenedlimits;
DROP TRIGGER audit ON quality_humidityspike;
DROP TRIGGER append_only ON quality_tightenedlimits;
DROP TRIGGER append_only ON quality_spikelot;
DROP TRIGGER append_only ON quality_humidityspike;
