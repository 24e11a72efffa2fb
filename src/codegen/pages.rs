//! Memory that holds code: written first, then only read and executed, never both.

/// Some code where it can be run.
#[cfg(all(feature = "native", unix))]
#[derive(Debug)]
pub(crate) struct Pages {
    map: memmap2::Mmap,
}

#[cfg(all(feature = "native", unix))]
impl Pages {
    /// A copy of code; `None` where the system refuses it.
    pub(super) fn of(code: &[u8]) -> Option<Pages> {
        let mut map = memmap2::MmapMut::map_anon(code.len().max(1)).ok()?;
        map[..code.len()].copy_from_slice(code);
        Some(Pages { map: map.make_exec().ok()? })
    }

    /// All that lies there.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.map
    }
}

/// What there is none of here.
#[cfg(not(all(feature = "native", unix)))]
#[derive(Debug)]
pub(crate) enum Pages {}

#[cfg(not(all(feature = "native", unix)))]
impl Pages {
    pub(super) fn of(_code: &[u8]) -> Option<Pages> {
        None
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match *self {}
    }
}
