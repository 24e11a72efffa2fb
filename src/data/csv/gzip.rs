//! What gzip packed, in one member or several, with zeros behind them.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// The text of all members of a file, one after the other, as `gzip -d` gives it: tapes and disks fill a block with
/// zeros behind a member, and these mean nothing.
pub(super) struct Members<R> {
    /// `None` behind the last one.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(file: R) -> Self {
        Members { member: Some(GzDecoder::new(file)) }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            // Behind a member.
            let is_last = skip_zeros(member.get_mut())?;
            self.member =
                self.member.take().filter(|_| !is_last).map(|member| GzDecoder::new(member.into_inner()));
        }
        Ok(0)
    }
}

/// Takes zeros, and tells whether nothing is behind them.
fn skip_zeros(file: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = file.fill_buf()?;
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        let (is_end, is_other) = (bytes.is_empty(), zeros < bytes.len());
        file.consume(zeros);
        if is_end || is_other {
            return Ok(is_end);
        }
    }
}
