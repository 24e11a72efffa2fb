//! Memory that holds code: written first, then only read and executed, never both.

/// Some code where it can be run.
#[derive(Debug)]
pub(crate) struct Pages {
    #[cfg(all(feature = "native", unix))]
    map: memmap2::Mmap,
}

impl Pages {
    /// A copy of code; `None` where the system refuses it.
    #[cfg(all(feature = "native", unix))]
    pub(super) fn of(code: &[u8]) -> Option<Pages> {
        let mut map = memmap2::MmapMut::map_anon(code.len().max(1)).ok()?;
        map[..code.len()].copy_from_slice(code);
        Some(Pages { map: map.make_exec().ok()? })
    }

    #[cfg(not(all(feature = "native", unix)))]
    pub(super) fn of(_code: &[u8]) -> Option<Pages> {
        None
    }

    /// Where the code starts.
    #[cfg(all(feature = "native", unix))]
    pub(super) fn start(&self) -> *const u8 {
        self.map.as_ptr()
    }

    #[cfg(not(all(feature = "native", unix)))]
    pub(super) fn start(&self) -> *const u8 {
        std::ptr::null()
    }
}
