DROP TRIGGER specification_authority ON quality_specificationline;
DROP FUNCTION halite_specification_authority();
DROP TRIGGER audit ON quality_specificationdraft;
DROP TRIGGER append_only ON quality_specificationdraft;
