//! What the detector does a text: the survivors of each stage.

use keyward::detect::{Detector, Simd, Work};
use keyward::model::{Blob, BytePath, Fresh, Origin, OriginKind};
use keyward::rule::pack::Pack;

use super::{allocations, texts};

const SIZE: usize = 128 << 10;

/// The survivors of each stage. Where anchors are compared depends on the path; what comes of that is the same on each.
fn counted(name: &str, text: &[u8]) -> Vec<(String, u64)> {
    let of = |simd| on(Detector::with_simd(Pack::builtin().unwrap().rules, simd).unwrap(), name, text);
    let figures = of(Simd::Scalar);
    let same = |figures: &[(String, u64)]| {
        figures.iter().filter(|(name, _)| !name.ends_with(".windows")).cloned().collect::<Vec<_>>()
    };
    for simd in Simd::ALL.into_iter().filter(|simd| simd.is_here()) {
        assert_eq!(same(&of(simd)), same(&figures), "{simd:?}");
    }
    figures
}

fn on(detector: Detector, name: &str, text: &[u8]) -> Vec<(String, u64)> {
    let origin = Origin::at(OriginKind::Tree, BytePath::new("src/some.py"));
    let blob = Blob { origin: &origin, bytes: text, fresh: &Fresh::All, former_path: None, earlier: &[] };
    // Regexes are compiled and scratch memory is made by the first pass.
    let first = detector.scan(&blob).map_or(0, |found| found.candidates.len());
    detector.count_work();
    let (made, found) = allocations::during(|| detector.scan(&blob));
    assert_eq!(found.map_or(0, |found| found.candidates.len()), first);
    let Work { texts, bytes, places: _, windows, hits, passed, regexes, seen } = detector.work();
    let numbers = [
        ("texts", texts),
        ("bytes", bytes),
        ("windows", windows),
        ("hits", hits),
        ("passed", passed),
        ("regexes", regexes),
        ("seen", seen),
        ("allocations", made),
    ];
    numbers.iter().map(|(counter, number)| (format!("{name}.{counter}"), *number)).collect()
}

#[test]
fn the_detector_does_no_more_work_than_it_did() {
    let _alone = super::alone();
    let code = texts::code(SIZE, 1);
    let mut figures = counted("code", &code);
    figures.extend(counted("lock-file", &texts::lock_file(SIZE)));
    figures.extend(counted("bundle", &texts::bundle(SIZE)));
    figures.extend(counted("noise", &texts::noise(SIZE)));
    figures.extend(counted("leaky", &texts::leaky(SIZE)));
    figures.extend(counted("utf16", &texts::utf16(&code)));
    super::hold("detect", &figures);
}
