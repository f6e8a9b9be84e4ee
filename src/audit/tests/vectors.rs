//! The test vectors that implementations of Certificate Transparency share.

use super::*;

fn bytes(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

fn hash(text: &str) -> Hash {
    Hash::try_from(&bytes(text)[..]).unwrap()
}

const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];

const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

const SECOND: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const FIFTH: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const THIRD_AND_FOURTH: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const FIFTH_AND_SIXTH: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
const LAST_TWO: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const LAST_FOUR: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";

/// Index, size and hashes.
const INCLUSIONS: &[(u64, u64, &[&str])] = &[
    (0, 1, &[]),
    (0, 2, &[SECOND]),
    (1, 2, &[ROOTS[1]]),
    (2, 3, &[ROOTS[2]]),
    (1, 5, &[ROOTS[1], THIRD_AND_FOURTH, FIFTH]),
    (0, 8, &[SECOND, THIRD_AND_FOURTH, LAST_FOUR]),
    (5, 8, &[FIFTH, LAST_TWO, ROOTS[4]]),
];

/// The earlier size, the later one and hashes.
const CONSISTENCIES: &[(u64, u64, &[&str])] = &[
    (1, 1, &[]),
    (1, 8, &[SECOND, THIRD_AND_FOURTH, LAST_FOUR]),
    (2, 5, &[THIRD_AND_FOURTH, FIFTH]),
    (6, 8, &[FIFTH_AND_SIXTH, LAST_TWO, ROOTS[4]]),
];

#[test]
fn trees_and_proofs_are_those_of_certificate_transparency() {
    let log = Log::of(LEAVES.map(bytes));
    for (size, root) in (0..).zip(ROOTS) {
        assert_eq!(log.root(size), hash(root), "{size}");
    }
    for (index, size, hashes) in INCLUSIONS {
        let expected: Vec<Hash> = hashes.iter().map(|text| hash(text)).collect();
        assert_eq!(log.inclusion(*index, *size).hashes, expected, "{index} of {size}");
    }
    for (old, new, hashes) in CONSISTENCIES {
        let expected: Vec<Hash> = hashes.iter().map(|text| hash(text)).collect();
        assert_eq!(log.consistency(*old, *new).hashes, expected, "{old} to {new}");
    }
}
