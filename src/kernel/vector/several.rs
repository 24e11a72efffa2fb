//! Several vectors as one.

use super::Vector;

/// As many vectors of a machine as have the lanes of its widest, so that loops over them do the same with each lane on all
/// machines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Several<V, const N: usize>([V; N]);

/// Functions of two operands, vector by vector.
macro_rules! each {
    ($($function:ident)*) => {$(
        #[inline(always)]
        fn $function(mut self, other: Self) -> Self {
            for index in 0..N {
                self.0[index] = self.0[index].$function(other.0[index]);
            }
            self
        }
    )*};
}

// Loops and no closures, which where they are not inlined are compiled without the machine's instructions.
impl<T: Copy, V: Vector<T>, const N: usize> Vector<T> for Several<V, N> {
    const LEN: usize = N * V::LEN;
    type Mask = V::Mask;

    #[inline(always)]
    fn none() -> V::Mask {
        V::none()
    }
    #[inline(always)]
    fn splat(x: T) -> Self {
        Several([V::splat(x); N])
    }
    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller's promise, for all of the vectors.
        unsafe {
            let mut result = [V::load(from); N];
            for (index, vector) in result.iter_mut().enumerate() {
                *vector = V::load(from.add(index * V::LEN));
            }
            Several(result)
        }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        for (index, vector) in self.0.into_iter().enumerate() {
            // SAFETY: the same.
            unsafe { vector.store(to.add(index * V::LEN)) };
        }
    }
    #[inline(always)]
    unsafe fn load_rest(from: *const T, count: usize, with: T) -> Self {
        let mut result = [V::splat(with); N];
        for (index, vector) in result.iter_mut().enumerate() {
            let before = index * V::LEN;
            let count = count.saturating_sub(before).min(V::LEN);
            // SAFETY: the caller's promise; a vector with no element in reach reads nothing.
            *vector = unsafe { V::load_rest(from.wrapping_add(before), count, with) };
        }
        Several(result)
    }
    #[inline(always)]
    unsafe fn store_rest(self, to: *mut T, count: usize) {
        for (index, vector) in self.0.into_iter().enumerate() {
            let before = index * V::LEN;
            // SAFETY: the caller's promise; a vector with no element in reach writes nothing.
            unsafe { vector.store_rest(to.wrapping_add(before), count.saturating_sub(before).min(V::LEN)) };
        }
    }
    each! { add sub mul larger smaller nan_or }
    #[inline(always)]
    fn mul_add(mut self, factor: Self, addend: Self) -> Self {
        for index in 0..N {
            self.0[index] = self.0[index].mul_add(factor.0[index], addend.0[index]);
        }
        self
    }
    #[inline(always)]
    fn or_unordered(self, other: Self, mut mask: V::Mask) -> V::Mask {
        for index in 0..N {
            mask = self.0[index].or_unordered(other.0[index], mask);
        }
        mask
    }
    #[inline(always)]
    fn any(mask: V::Mask) -> bool {
        V::any(mask)
    }
}
