//! `simulate`: runs cases and prints one table. It asserts nothing: reading it is the reader's work.

mod arguments;
mod table;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use lyceum_simulation::case::Case;
use lyceum_simulation::{chart, study};

use arguments::Arguments;

fn main() -> ExitCode {
    match simulate(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // `simulate | head` is no mistake.
        Err(error) if reader_left(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "simulate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn reader_left(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn simulate(arguments: &Arguments) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    if arguments.list {
        for case in Case::all() {
            writeln!(output, "{:<13} {}", case.name, case.about)?;
        }
        return Ok(());
    }
    let cases = chosen(&arguments.case)?;
    let rows = study::run(&cases, &arguments.balancers(), &arguments.extent(), progress);
    if arguments.json {
        writeln!(
            output,
            "{}",
            serde_json::to_string_pretty(&study::document(&rows, arguments.requests))?
        )?;
    } else {
        writeln!(output, "{}", table::render(&rows))?;
        writeln!(
            output,
            "\n * the best, and whoever is within the seeds' spread of it; {} calls × {} seeds a cell; `--list` explains the cases",
            arguments.requests,
            arguments.seed.len(),
        )?;
    }
    if let Some(folder) = &arguments.charts {
        let drawn = chart::draw(&rows, folder).with_context(|| format!("cannot draw into {}", folder.display()))?;
        if !arguments.json {
            writeln!(output, " {drawn} charts in {}", folder.display())?;
        }
    }
    Ok(())
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<Case>> {
    let all = Case::all();
    for name in names {
        if !all.iter().any(|case| case.name.eq_ignore_ascii_case(name)) {
            let known: Vec<&str> = all.iter().map(|case| case.name).collect();
            bail!("there is no case \"{name}\"; there are {}", known.join(", "));
        }
    }
    Ok((all.into_iter())
        .filter(|case| names.is_empty() || names.iter().any(|name| case.name.eq_ignore_ascii_case(name)))
        .collect())
}

/// Says how far it is, to people only.
fn progress(done: usize, of: usize) {
    let mut error = io::stderr();
    if error.is_terminal() {
        let end = if done == of { "\r\u{1b}[K" } else { "" };
        let _ = write!(error, "\r{done} of {of} runs{end}");
        let _ = error.flush();
    }
}
