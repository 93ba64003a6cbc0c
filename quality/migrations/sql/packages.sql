-- Evidence packages are evidence: what was asked for, built and signed is never changed.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['quality_evidencepackage', 'quality_packageprogress', 'quality_packagebuild',
                                'quality_packageissue'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_refuse_change()', name);
    END LOOP;
END $$;
-- Their chain is the package's own: a package that names its lots' chains must not lengthen them.
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_evidencepackage
    FOR EACH ROW EXECUTE FUNCTION halite_audit('quality_evidencepackage', 'id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_packagebuild
    FOR EACH ROW EXECUTE FUNCTION halite_audit('quality_evidencepackage', 'package_id', 'manifest');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_packageissue
    FOR EACH ROW EXECUTE FUNCTION halite_audit('quality_evidencepackage', 'package_id');
