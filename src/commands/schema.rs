//! `schema`: the JSON Schema of a command's output.

use crate::cli::SchemaOf;
use crate::doctor::Diagnoses;
use crate::plan::Plan;
use crate::status::Status;
use crate::ui::EventLine;
use crate::verify::Report;

pub(super) fn schema(output: SchemaOf) -> schemars::Schema {
    // The schema describes what is serialized, not what could be deserialized.
    let generator = schemars::generate::SchemaSettings::draft2020_12().for_serialize().into_generator();
    match output {
        SchemaOf::Plan => generator.into_root_schema_for::<Plan>(),
        SchemaOf::Verify => generator.into_root_schema_for::<Report>(),
        SchemaOf::Doctor => generator.into_root_schema_for::<Diagnoses>(),
        SchemaOf::Status => generator.into_root_schema_for::<Status>(),
        SchemaOf::Events => generator.into_root_schema_for::<EventLine<'static>>(),
    }
}
