//! keyward.toml and the baseline: bytes of other people's repositories.
#![no_main]

use keyward::config::Config;
use keyward::triage::Baseline;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match Config::read("keyward.toml", bytes) {
        Ok(config) => {
            _ = config.check_rule_ids(&["a"]);
            assert!(config.loosened_since(&config).is_empty(), "nothing is looser than itself");
        }
        Err(errors) => assert!(!errors.is_empty() && errors.iter().all(|error| !error.to_string().is_empty())),
    }
    if let Ok(baseline) = Baseline::read(bytes, None) {
        let again = Baseline::read(&baseline.to_bytes(), None).expect("it reads what it writes");
        assert_eq!(baseline.entries().len(), again.entries().len());
    }
});
