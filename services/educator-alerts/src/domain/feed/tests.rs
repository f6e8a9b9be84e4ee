#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::alert::tests::name;

fn scope(names: &[&str]) -> Scope {
    let names: Vec<Pseudonym> = names.iter().map(|n| name(n)).collect();
    Scope::stream(&names, None)
}

#[test]
fn a_cursor_is_one_of_its_own_question() {
    let classes = [name("7a"), name("8b")];
    let cursor = Position(41).encode(scope(&["7a", "8b"]));
    assert_eq!(Position::decode(&cursor, scope(&["8b", "7a", "8b"])), Ok(Position(41)));
    for other in [
        scope(&["7a"]),
        scope(&["7a8b"]),
        scope(&["7", "a8b"]),
        Scope::stream(&classes, Some(Severity::Notice)),
        Scope::list(&classes, None, None),
    ] {
        assert_eq!(Position::decode(&cursor, other), Err(Error::Invalid));
    }
    let list = |status| Scope::list(&classes, None, status);
    assert_ne!(list(Some(Status::Open)), list(None));
    assert_ne!(list(Some(Status::Open)), list(Some(Status::Acknowledged)));
}

#[test]
fn a_gap_is_told_and_never_silent() {
    let own = scope(&["7a"]);
    let resume = |position: u64, deleted: Option<u64>| {
        let cursor = Position(position).encode(own);
        Position::resume(&cursor, own, Position(100), deleted.map(Position))
    };
    assert_eq!(Position::resume("", own, Position(100), None), Ok(Position(100)));
    assert_eq!(resume(40, None), Ok(Position(40)));
    assert_eq!(resume(40, Some(40)), Ok(Position(40)));
    assert_eq!(resume(39, Some(40)), Err(Error::Expired));
    assert_eq!(resume(101, None), Err(Error::Expired));
}

/// What a store does: each alert is kept with the position of its last change.
#[derive(Default)]
struct Register {
    last: BTreeMap<u8, u64>,
    position: u64,
}

impl Register {
    fn change(&mut self, alert: u8, hole: u64) {
        self.position += 1 + hole;
        self.last.insert(alert, self.position);
    }

    fn after(&self, position: Position) -> Vec<(u64, u8)> {
        let mut changed: Vec<(u64, u8)> = self.last.iter().map(|(alert, at)| (*at, *alert)).collect();
        changed.retain(|(at, _)| *at > position.0);
        changed.sort_unstable();
        changed
    }
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_and_keeps_its_order(a in any::<u64>(), b in any::<u64>()) {
        let own = scope(&["7a"]);
        let (first, second) = (Position(a).encode(own), Position(b).encode(own));
        prop_assert_eq!(first.len(), LENGTH);
        let (first, second) = (Position::decode(&first, own).unwrap(), Position::decode(&second, own).unwrap());
        prop_assert_eq!((first, second), (Position(a), Position(b)));
        prop_assert_eq!(first.cmp(&second), a.cmp(&b));
    }

    #[test]
    fn any_text_is_refused_or_read(text in ".{0,40}", bytes in prop::collection::vec(any::<u8>(), 17)) {
        let own = scope(&["7a"]);
        prop_assert!(Position::decode(&text, own).is_err());
        let forged = URL_SAFE_NO_PAD.encode(&bytes);
        if let Ok(position) = Position::decode(&forged, own) {
            prop_assert_eq!(position.encode(own), forged);
        }
    }

    /// Changes come while somebody is there, or is not; holes come between. Whoever keeps the last cursor knows in the
    /// end every alert as it is, and is told each change of state at most once.
    #[test]
    fn whoever_comes_back_knows_everything(
        steps in prop::collection::vec((0_u8..6, 0_u64..4, any::<bool>()), 1..60),
    ) {
        let own = scope(&["7a"]);
        let mut register = Register::default();
        let mut cursor = Position(0).encode(own);
        let mut known: BTreeMap<u8, u64> = BTreeMap::new();
        for (alert, hole, there) in steps.into_iter().chain([(0, 0, true)]) {
            register.change(alert, hole);
            if there {
                let from = Position::resume(&cursor, own, Position(register.position), None).unwrap();
                for (position, alert) in register.after(from) {
                    let before = known.insert(alert, position);
                    prop_assert!(before.is_none_or(|before| before < position), "told twice");
                    cursor = Position(position).encode(own);
                }
            }
        }
        prop_assert_eq!(known, register.last);
    }
}
