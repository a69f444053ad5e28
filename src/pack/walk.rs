//! Every packed object of some kinds, made once from its base and shown, families in parallel. What an object was found
//! to hold is kept while others are made from it.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use libdeflater::Decompressor;

use super::delta;
use super::entry::{Form, Header, header, inflate};
use super::objects::{Index, Objects, Pack, Place};
use super::read::{MOST, Reader, within};
use crate::git::{GitError, ObjectKind, Pool, ReadError, Store};
use crate::model::Copied;

/// An object as it is shown.
pub struct Object<'a> {
    /// Which.
    pub index: Index,
    /// What it is.
    pub kind: ObjectKind,
    /// Its content.
    pub bytes: &'a [u8],
    /// True when others are made from it.
    pub is_base: bool,
}

/// What an object was made from: what that held, and the runs taken over from it, by place.
pub type Base<'a, E> = (&'a E, &'a [Copied]);

/// Looks at objects.
pub trait Look: Sync {
    /// What is to be known of a base when something made from it is shown.
    type Evidence: Send + Sync;
    /// A thread's own.
    type Local: Send;

    /// Makes a thread's own.
    fn local(&self) -> Self::Local;
    /// The most bytes an object of this kind may have to be shown.
    fn most(&self, kind: ObjectKind) -> u64;
    /// Shows an object. Without evidence, what is made from it comes without a base; where nothing is, none is needed.
    fn look(
        &self,
        local: &mut Self::Local,
        object: &Object<'_>,
        base: Option<Base<'_, Self::Evidence>>,
    ) -> Option<Self::Evidence>;
    /// An object that was not shown, with its kind where that is known.
    fn lost(&self, local: &mut Self::Local, index: Index, kind: Option<ObjectKind>, why: ReadError);
}

/// More bytes of bases than this are not kept at a time; what would need more is made from its family's root again.
const LIVE: usize = 512 << 20;
/// Buffers that a thread keeps for the next objects, and their bytes.
const SPARE: usize = 12;
const SPARE_BYTES: usize = 4 << 20;

/// Loose objects that a thread takes at a time.
const LOOSE: usize = 32;

struct Node<E> {
    bytes: Vec<u8>,
    kind: ObjectKind,
    evidence: Option<E>,
}

struct Task<E> {
    pack: u32,
    entry: u32,
    /// None for a root, and where the base was not kept.
    base: Option<Arc<Node<E>>>,
}

struct Walk<'w, L: Look> {
    objects: &'w Objects,
    reader: &'w Reader<'w>,
    kinds: &'w [ObjectKind],
    look: &'w L,
    roots: Vec<(u32, u32)>,
    next: AtomicUsize,
    /// Tasks given away by a thread that has many while another has none.
    shared: Mutex<Vec<Task<L::Evidence>>>,
    threads: usize,
    idle: AtomicUsize,
    live: AtomicUsize,
}

struct Hand<'w, L: Look> {
    walk: &'w Walk<'w, L>,
    local: L::Local,
    tasks: Vec<Task<L::Evidence>>,
    inflater: Decompressor,
    delta: Vec<u8>,
    runs: Vec<Copied>,
    spare: RefCell<Vec<Vec<u8>>>,
}

/// Shows every packed object whose kind is among `kinds`, on all threads; what each thread gathered.
fn walk<L: Look>(objects: &Objects, reader: &Reader<'_>, kinds: &[ObjectKind], look: &L) -> Vec<L::Local> {
    let of = |(number, pack): (u32, &Pack)| -> Vec<(u32, u32)> {
        let kind = |root: u32| pack.families.kinds.get(root as usize).copied().flatten();
        let wanted = |root: &&u32| kind(**root).is_none_or(|kind| kinds.contains(&kind));
        pack.families.roots.iter().filter(wanted).map(|root| (number, *root)).collect()
    };
    let roots: Vec<_> = (0..).zip(&objects.packs).flat_map(of).collect();
    let threads = if roots.len() < 64 && objects.len() < 1024 { 1 } else { rayon::current_num_threads() };
    let walk = Walk {
        objects,
        reader,
        kinds,
        look,
        roots,
        next: AtomicUsize::new(0),
        shared: Mutex::new(Vec::new()),
        threads,
        idle: AtomicUsize::new(0),
        live: AtomicUsize::new(0),
    };
    let mut locals: Vec<L::Local> =
        if threads == 1 { vec![Hand::new(&walk).run()] } else { rayon::broadcast(|_| Hand::new(&walk).run()) };
    if let Some(local) = locals.first_mut() {
        walk.tell_broken(local);
    }
    locals
}

impl<L: Look> Walk<'_, L> {
    fn root(&self) -> Option<Task<L::Evidence>> {
        let (pack, entry) = *self.roots.get(self.next.fetch_add(1, Ordering::Relaxed))?;
        Some(Task { pack, entry, base: None })
    }

    fn given(&self) -> Option<Task<L::Evidence>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Entries that no family reaches: damaged headers, circles.
    fn tell_broken(&self, local: &mut L::Local) {
        for (number, pack) in (0..).zip(&self.objects.packs) {
            for entry in pack.families.broken() {
                let Some(index) = pack.object(entry) else { continue };
                if self.objects.place(index) == Some(Place::Packed { pack: number, entry })
                    && !self.objects.is_known(index)
                {
                    let why = ReadError::Broken("its header, or that of a base, is damaged".into());
                    self.look.lost(local, index, None, why);
                }
            }
        }
    }
}

/// Counts a thread that fails as idle for ever, so that no other waits for it.
struct Presence<'a>(&'a AtomicUsize);

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl<'w, L: Look> Hand<'w, L> {
    fn new(walk: &'w Walk<'w, L>) -> Self {
        Self {
            walk,
            local: walk.look.local(),
            tasks: Vec::new(),
            inflater: Decompressor::new(),
            delta: Vec::new(),
            runs: Vec::new(),
            spare: RefCell::default(),
        }
    }

    fn run(mut self) -> L::Local {
        let _presence = Presence(&self.walk.idle);
        while let Some(task) = self.task() {
            self.process(task);
            self.share();
        }
        self.local
    }

    /// The next task: the latest of one's own, so that bases are soon done with; a new family; another thread's.
    fn task(&mut self) -> Option<Task<L::Evidence>> {
        if let Some(task) = self.tasks.pop().or_else(|| self.walk.root()) {
            return Some(task);
        }
        let idle = &self.walk.idle;
        loop {
            if let Some(task) = self.walk.given() {
                return Some(task);
            }
            if idle.fetch_add(1, Ordering::SeqCst) + 1 >= self.walk.threads {
                return None;
            }
            while self.walk.shared.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                if idle.load(Ordering::SeqCst) >= self.walk.threads {
                    return None;
                }
                std::thread::sleep(std::time::Duration::from_micros(50));
            }
            idle.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Gives the older half of one's tasks away when another thread has none.
    fn share(&mut self) {
        if self.tasks.len() < 2 || self.walk.idle.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut shared = self.walk.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.is_empty() {
            shared.extend(self.tasks.drain(..self.tasks.len() / 2));
        }
    }

    fn process(&mut self, task: Task<L::Evidence>) {
        let walk = self.walk;
        let (Some(pack), look) = (walk.objects.packs.get(task.pack as usize), walk.look) else { return };
        let Some(index) = pack.object(task.entry) else { return };
        let own = walk.objects.place(index) == Some(Place::Packed { pack: task.pack, entry: task.entry })
            && !walk.objects.is_known(index);
        let parent = pack.families.has_children(task.entry);
        let head = pack.start(task.entry).and_then(|start| header(pack.bytes(), start));
        if let (Some(Header { form: Form::Whole(kind), size, .. }), false) = (head, parent)
            && size > look.most(kind)
        {
            // Nothing needs its bytes.
            return if own {
                look.lost(&mut self.local, index, Some(kind), ReadError::TooLarge(size))
            };
        }
        let mut bytes = self.spare.borrow_mut().pop().unwrap_or_default();
        let made = match head {
            Some(head) => self.make(pack, &task, &head, &mut bytes),
            None => Err(ReadError::Broken("its header is damaged".into())),
        };
        let kind = match made {
            Ok(made) => made.or(task.base.as_ref().map(|base| base.kind)),
            Err(why) => return self.lose(pack, &task, why),
        };
        let Some(kind) = kind.filter(|kind| walk.kinds.contains(kind)) else { return self.keep(bytes) };
        let mut evidence = None;
        if own && bytes.len() as u64 > look.most(kind) {
            look.lost(&mut self.local, index, Some(kind), ReadError::TooLarge(bytes.len() as u64));
        } else if own {
            let known = task.base.as_ref().and_then(|base| base.evidence.as_ref());
            let object = Object { index, kind, bytes: &bytes, is_base: parent };
            evidence = look.look(&mut self.local, &object, known.map(|known| (known, self.runs.as_slice())));
        }
        self.leave(task.base);
        if !parent {
            return self.keep(bytes);
        }
        let live = walk.live.fetch_add(bytes.len(), Ordering::Relaxed);
        let node = Arc::new(Node { bytes, kind, evidence });
        let base = || (live < LIVE).then(|| Arc::clone(&node));
        self.tasks.extend(pack.families.children(task.entry).map(|entry| Task {
            pack: task.pack,
            entry,
            base: base(),
        }));
        self.leave(Some(node));
    }

    /// Makes an object's bytes; its kind where only that told it.
    fn make(
        &mut self,
        pack: &Pack,
        task: &Task<L::Evidence>,
        head: &Header,
        bytes: &mut Vec<u8>,
    ) -> Result<Option<ObjectKind>, ReadError> {
        let broken = |why: &str| ReadError::Broken(why.to_owned());
        let deflated = pack.bytes().get(head.data..pack.end(task.entry)).unwrap_or_default();
        match (head.form, &task.base) {
            (Form::Whole(kind), _) => {
                inflate(&mut self.inflater, deflated, within(head.size)?, bytes).map_err(broken)?;
                Ok(Some(kind))
            }
            (_, Some(base)) => {
                inflate(&mut self.inflater, deflated, within(head.size)?, &mut self.delta).map_err(broken)?;
                delta::apply(&base.bytes, &self.delta, MOST, bytes, &mut self.runs).map_err(broken)?;
                Ok(None)
            }
            (_, None) => {
                let (kind, read) = self.walk.reader.packed(task.pack, task.entry, 0)?;
                *bytes = read;
                Ok(Some(kind))
            }
        }
    }

    /// An object that cannot be made takes all that are made from it along.
    fn lose(&mut self, pack: &Pack, task: &Task<L::Evidence>, why: ReadError) {
        let mut todo = vec![task.entry];
        let mut first = Some(why);
        while let Some(entry) = todo.pop() {
            let why =
                first.take().unwrap_or_else(|| ReadError::Broken("an object that it is made from is damaged".into()));
            let kind = pack.families.kinds.get(entry as usize).copied().flatten();
            if let Some(index) = pack.object(entry)
                && self.walk.objects.place(index) == Some(Place::Packed { pack: task.pack, entry })
                && !self.walk.objects.is_known(index)
            {
                self.walk.look.lost(&mut self.local, index, kind, why);
            }
            todo.extend(pack.families.children(entry));
        }
    }

    /// Lets go of a base; its buffer is used again by whoever is last.
    fn leave(&self, base: Option<Arc<Node<L::Evidence>>>) {
        if let Some(node) = base.and_then(Arc::into_inner) {
            self.walk.live.fetch_sub(node.bytes.len(), Ordering::Relaxed);
            self.keep(node.bytes);
        }
    }

    fn keep(&self, bytes: Vec<u8>) {
        let mut spare = self.spare.borrow_mut();
        if spare.len() < SPARE && bytes.capacity() <= SPARE_BYTES {
            spare.push(bytes);
        }
    }
}

/// Shows every object whose kind is among `kinds`, packed ones and loose ones, on all threads; what each thread
/// gathered.
pub fn show<L: Look>(
    pool: &Pool,
    objects: &Objects,
    reader: &Reader<'_>,
    kinds: &[ObjectKind],
    look: &L,
) -> Result<Vec<L::Local>, GitError> {
    let mut locals = walk(objects, reader, kinds, look);
    let loose: Vec<Index> = objects.loose().filter(|index| !objects.is_known(*index)).collect();
    let one = |store: &Store<'_>, local: &mut L::Local, index: &Index| {
        let kind = objects.kind(*index);
        if kind.is_some_and(|kind| !kinds.contains(&kind)) {
            return;
        }
        let most = kind.map_or(MOST, |kind| look.most(kind));
        match store.read(&objects.id(*index), most) {
            Ok(object) => {
                let object = Object { index: *index, kind: object.kind(), bytes: object.bytes(), is_base: false };
                if kinds.contains(&object.kind) {
                    look.look(local, &object, None);
                }
            }
            Err(why) => look.lost(local, *index, kind, why),
        }
    };
    locals.extend(pool.each(&loose, LOOSE, || look.local(), one)?);
    Ok(locals)
}
