DROP TRIGGER audit ON quality_safetysetaside;
DROP TRIGGER append_only ON quality_safetysetaside;
