//! Machine code as text, for those who look for what it could do better.

use std::fmt::Write;

use iced_x86::{Decoder, DecoderOptions, Formatter, MemorySize, NasmFormatter};

use super::Function;

/// The instructions of a function of numbers of so many bytes, a line each: how many bytes from the start of the plan's code
/// it lies, and behind what reads numbers that lie before the function the bits of the first.
pub(crate) fn disassembly(function: &Function, number: usize) -> String {
    let all = function.pages.bytes();
    let mut formatter = NasmFormatter::new();
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_first_operand_char_index(12);
    options.set_space_after_operand_separator(true);
    let mut text = String::new();
    let decoder = Decoder::with_ip(64, function.instructions(), function.start as u64, DecoderOptions::NONE);
    for instruction in decoder {
        // Writing to a string cannot fail.
        let _ = write!(text, "  {:4x}  ", instruction.ip());
        formatter.format(&instruction, &mut text);
        // What only takes an address reads nothing there.
        let reads =
            instruction.is_ip_rel_memory_operand() && instruction.memory_size() != MemorySize::Unknown;
        let at = instruction.ip_rel_memory_address() as usize;
        if let Some(bits) = all.get(at..at + number).filter(|_| reads) {
            text.push_str("  ; 0x");
            for byte in bits.iter().rev() {
                let _ = write!(text, "{byte:02x}");
            }
        }
        text.push('\n');
    }
    text
}
