//! `simulate`: runs cases and prints one table.

use clap::Parser;
use lyceum_simulation::balancer::Kind;
use lyceum_simulation::case::Case;
use lyceum_simulation::study;

#[derive(Parser)]
struct Arguments {
    #[arg(long, value_delimiter = ',')]
    case: Vec<String>,
    #[arg(long, value_enum, value_delimiter = ',')]
    balancer: Vec<Kind>,
    #[arg(long, default_value_t = 300_000)]
    requests: u64,
    #[arg(long, value_delimiter = ',', default_value = "1,2,3")]
    seed: Vec<u64>,
}

fn main() {
    let a = Arguments::parse();
    let cases: Vec<Case> = Case::all()
        .into_iter()
        .filter(|c| a.case.is_empty() || a.case.iter().any(|n| n == c.name))
        .collect();
    let kinds = if a.balancer.is_empty() {
        Kind::ALL.to_vec()
    } else {
        a.balancer
    };
    for row in study::run(&cases, &kinds, &a.seed, a.requests, |_, _| ()) {
        for metric in row.case.metrics {
            print!("{:12} {:22}", row.case.name, metric.label());
            let best = row.best(*metric);
            for cell in &row.cells {
                let v = cell.value(*metric);
                print!(
                    " {}={:.2}±{:.2}{}",
                    cell.kind.name(),
                    v.mean,
                    v.spread,
                    if best.contains(&cell.kind) { "*" } else { "" }
                );
            }
            println!();
        }
    }
}
