//! Why a case cannot be measured.

/// The library refused, or the two sides differ.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CaseError {
    /// A graph or its session refused.
    #[error("{0}")]
    Library(#[from] flowgrad::Error),

    /// Both sides gave numbers, but not the same.
    #[error("{what}, element {index}: expected {reference:e} by hand ({by}), got {ours:e} by the library")]
    Differ { what: &'static str, by: String, index: usize, ours: f64, reference: f64 },

    /// The two sides gave results of different lengths.
    #[error("{what}: expected {reference} elements by the reference, got {ours} by the library")]
    Lengths { what: &'static str, ours: usize, reference: usize },

    /// A plan's text does not end as expected.
    #[error("expected arena sizes in the last line of the plan, got {0:?}")]
    NoArena(String),
}

/// Makes sure that results agree within `tolerance`, relative to the reference's largest magnitude.
pub(crate) fn same<T: Copy + Into<f64>>(
    what: &'static str,
    by: &str,
    ours: impl IntoIterator<Item = T>,
    reference: impl IntoIterator<Item = T>,
    tolerance: f64,
) -> Result<(), CaseError> {
    let numbers = |values: &mut dyn Iterator<Item = T>| values.map(Into::into).collect::<Vec<f64>>();
    let ours = numbers(&mut ours.into_iter());
    let reference = numbers(&mut reference.into_iter());
    if ours.len() != reference.len() {
        let (ours, reference) = (ours.len(), reference.len());
        return Err(CaseError::Lengths { what, ours, reference });
    }
    let largest = reference.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    for (index, (&ours, &reference)) in ours.iter().zip(&reference).enumerate() {
        // Not `>`: a NaN must not pass.
        let close = (ours - reference).abs() <= tolerance * largest;
        if !close {
            let by = by.to_owned();
            return Err(CaseError::Differ { what, by, index, ours, reference });
        }
    }
    Ok(())
}
