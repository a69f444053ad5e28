//! The terminal: what goes to standard output and error, colour, progress, Ctrl-C.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::Color;
use crate::model::Stages;
use crate::scan::Progress;

/// A scan shorter than this shows no progress.
const UNNOTICED: Duration = Duration::from_secs(1);

/// Writes to standard output through a buffer. A reader that went away is no error: it has seen enough.
pub fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            // Drop the unwritten rest: the buffer would try to flush it again.
            let _ = out.into_parts();
            Ok(())
        }
        other => other,
    }
}

/// One line on standard error. A closed standard error is nobody's business.
pub fn warn(line: &str) {
    let _ = writeln!(io::stderr().lock(), "keyward: {line}");
}

/// How long each stage took, a line each, on standard error.
pub fn timings(stages: &Stages) {
    for stage in stages.known() {
        let all = if stage.shared { " (all threads)" } else { "" };
        warn(&format!("{:<10} {:>9.3} s{all}", stage.name, stage.spent.as_secs_f64()));
    }
    warn(&format!("{:<10} {:>9.3} s", "in all", stages.elapsed().as_secs_f64()));
}

/// A text of several lines on standard error, as it is.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", text.trim_end());
}

/// True when standard output should be coloured.
pub fn colored(color: Color) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
    }
}

/// Ends with 130 on Ctrl-C (or a termination signal), leaving no half-written report behind.
pub fn end_on_interrupt() {
    let installed = ctrlc::set_handler(|| {
        crate::report::file::abandon_all();
        // A handler has no way back into the scan; this is the one place that ends the process.
        #[allow(clippy::exit)]
        std::process::exit(130);
    });
    if let Err(error) = installed {
        warn(&format!("Ctrl-C will not clean up: {error}"));
    }
}

/// Draws progress on standard error once a scan takes longer than a second.
pub struct Ticker {
    stop: mpsc::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts watching `progress` if standard error is a terminal and nobody asked for quiet.
    pub fn start(progress: Arc<Progress>, quiet: bool) -> Option<Self> {
        if quiet || !io::stderr().is_terminal() {
            return None;
        }
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            if stopped.recv_timeout(UNNOTICED) != Err(mpsc::RecvTimeoutError::Timeout) {
                return;
            }
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} [{elapsed}]") {
                bar.set_style(style);
            }
            loop {
                let (blobs, bytes) = progress.seen();
                bar.set_message(format!("{} scanned, {}", HumanCount(blobs), HumanBytes(bytes)));
                bar.tick();
                if stopped.recv_timeout(Duration::from_millis(100)) != Err(mpsc::RecvTimeoutError::Timeout) {
                    bar.finish_and_clear();
                    return;
                }
            }
        });
        Some(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
