//! `lyceum config check` and `show`: what all layers add up to, and what is wrong with it.

use lyceum::configuration::Errors;
use serde_json::json;

use crate::arguments::{Config, Inspect};
use crate::output;

/// Checks or shows.
pub(crate) fn run(command: Config, environment: &[(String, String)]) -> anyhow::Result<()> {
    match command {
        Config::Check(arguments) => check(&arguments, environment),
        Config::Show(arguments) => show(&arguments, environment),
    }
}

fn check(arguments: &Inspect, environment: &[(String, String)]) -> anyhow::Result<()> {
    let loaded = arguments.layers.load(environment);
    if arguments.json {
        output::line(&problems(loaded.as_ref().err()).to_string())?;
    } else if loaded.is_ok() {
        output::line("The configuration is fine.")?;
    }
    loaded.map(drop).map_err(Into::into)
}

fn problems(errors: Option<&Errors>) -> serde_json::Value {
    let problems: Vec<_> = errors
        .into_iter()
        .flat_map(|errors| &errors.0)
        .map(|problem| json!({ "key": problem.key, "problem": problem.problem }))
        .collect();
    json!({ "valid": problems.is_empty(), "problems": problems })
}

fn show(arguments: &Inspect, environment: &[(String, String)]) -> anyhow::Result<()> {
    let configuration = arguments.layers.load(environment)?;
    if arguments.json {
        output::line(&serde_json::to_string_pretty(&configuration)?)?;
    } else {
        output::line(configuration.shown().trim_end())?;
    }
    Ok(())
}
