REVOKE UPDATE (approval_id) ON quality_controlplanrevision FROM halite_app;
DROP TRIGGER set_once ON quality_controlplanrevision;
CREATE TRIGGER set_once BEFORE UPDATE ON quality_controlplanrevision FOR EACH ROW
    EXECUTE FUNCTION halite_set_once('published_at', 'published_by_id');
