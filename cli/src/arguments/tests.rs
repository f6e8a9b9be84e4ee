#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use clap::CommandFactory as _;

use super::*;

fn parse(line: &str) -> Result<Command, String> {
    Arguments::try_parse_from(line.split_whitespace())
        .map(|arguments| arguments.command)
        .map_err(|error| error.to_string())
}

#[test]
fn the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn every_command_has_an_example_in_its_help() {
    fn look(command: &clap::Command, path: &str) {
        let below: Vec<_> = command.get_subcommands().filter(|below| !below.is_hide_set()).collect();
        if below.is_empty() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(
                help.contains(&format!("lyceum{path} ")) || help.contains(&format!("lyceum{path}\n")),
                "{path}: {help}"
            );
        }
        for below in below {
            look(below, &format!("{path} {}", below.get_name()));
        }
    }
    look(&Arguments::command(), "");
}

#[test]
fn replicas_name_a_service_and_a_number() {
    let Ok(Command::Up(up)) = parse("lyceum up --replicas writing-analysis=3 --replicas ai-validator=0") else {
        panic!("not parsed");
    };
    assert_eq!(
        up.replicas,
        [("writing-analysis".to_owned(), 3), ("ai-validator".to_owned(), 0)]
    );
}

#[test]
fn a_wrong_replica_count_says_what_is_right() {
    let error = parse("lyceum up --replicas writing-analysis=many").unwrap_err();
    assert!(error.contains("from 0 to 64"), "{error}");
    let error = parse("lyceum up --replicas writing-analysis").unwrap_err();
    assert!(error.contains("SERVICE=N"), "{error}");
    let error = parse("lyceum up --replicas grading=2").unwrap_err();
    assert!(error.contains("ai-validator, writing-analysis"), "{error}");
}

#[test]
fn flags_lie_above_the_environment() {
    let layers = Layers {
        set: vec!["telemetry.log=debug".to_owned()],
        data: Some("elsewhere".into()),
        ..Layers::default()
    };
    let environment = [
        ("LYCEUM_TELEMETRY__LOG".to_owned(), "warn".to_owned()),
        ("LYCEUM_DATA".to_owned(), "x".to_owned()),
    ];
    let configuration = layers.load(&environment).unwrap();
    assert_eq!(configuration.telemetry.log, "debug");
    assert_eq!(configuration.data, PathBuf::from("elsewhere"));
}

#[test]
fn a_child_gets_the_same_layers_and_what_stands_above() {
    let layers = Layers {
        config: Some("a.toml".into()),
        data: Some("d".into()),
        set: vec!["x.y=1".to_owned()],
    };
    let arguments = layers.for_child(&["x.y=2".to_owned()]);
    assert_eq!(
        arguments,
        ["--config", "a.toml", "--data", "d", "--set", "x.y=1", "--set", "x.y=2"]
    );
}

#[test]
fn a_tethered_program_keeps_its_own_flags() {
    let Ok(Command::Tether(tether)) = parse("lyceum tether 7 -- consul agent -dev --help") else {
        panic!("not parsed")
    };
    assert_eq!(tether.parent, 7);
    assert_eq!(tether.program, ["consul", "agent", "-dev", "--help"]);
}
