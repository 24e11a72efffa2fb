//! What can be wrong with a node: a [`Mistake`] is made in building, or turns out once shapes are known.

use std::panic::Location;

use crate::element::DType;
use crate::memory::OutOfMemory;
use crate::shape::{Shape, ShapeError, TensorType, broadcast};

/// What is wrong with a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mistake {
    /// Two shapes do not broadcast together.
    #[error("the shapes {left} and {right} do not broadcast")]
    Broadcast {
        /// Shape of the left operand.
        left: Shape,
        /// Shape of the right operand.
        right: Shape,
    },

    /// An operand of a matrix product has fewer than two axes.
    #[error("matmul takes two matrices, or batches of them, but came {left} and {right}")]
    MatMulRank {
        /// Shape of the left operand.
        left: Shape,
        /// Shape of the right operand.
        right: Shape,
    },

    /// The inner lengths of a matrix product differ.
    #[error("the inner lengths of {left} · {right} differ: {left_inner} and {right_inner}")]
    MatMulInner {
        /// Shape of the left operand, after its transposition.
        left: Shape,
        /// Shape of the right operand, after its transposition.
        right: Shape,
        /// Columns of the left operand.
        left_inner: usize,
        /// Rows of the right operand.
        right_inner: usize,
    },

    /// An axis that the shape does not have.
    #[error("axis {axis} is out of range for a tensor of rank {rank}")]
    AxisOutOfRange {
        /// The axis as given.
        axis: isize,
        /// The number of axes there are.
        rank: usize,
    },

    /// An axis listed twice.
    #[error("axis {axis} is listed twice")]
    AxisTwice {
        /// The axis, counted from the first.
        axis: usize,
    },

    /// A list that is no permutation of the axes.
    #[error("{permutation:?} is no permutation of the {rank} axes")]
    NotAPermutation {
        /// The list as given.
        permutation: Vec<isize>,
        /// The number of axes there are.
        rank: usize,
    },

    /// A list of lengths for another number of elements than there are.
    #[error("the shape {from} does not reshape to {to:?}")]
    Reshape {
        /// The shape of the operand.
        from: Shape,
        /// The lengths as given.
        to: Vec<isize>,
    },

    /// A list of lengths that no shape has.
    #[error("{lengths:?} is no shape: one length may be -1, and none less")]
    ReshapeLengths {
        /// The lengths as given.
        lengths: Vec<isize>,
    },

    /// An initializer that defines no elements.
    #[error("{initializer} takes {expected}, but came {found}")]
    Initializer {
        /// The initializer's name.
        initializer: &'static str,
        /// What it needs.
        expected: &'static str,
        /// What it has.
        found: String,
    },

    /// More axes than there are.
    #[error("the last {axes} axes are asked for of a tensor of rank {rank}")]
    LastAxes {
        /// The number of axes asked for.
        axes: usize,
        /// The number of axes there are.
        rank: usize,
    },

    /// An axis to squeeze whose length is not 1.
    #[error("axis {axis} of the shape {shape} cannot be squeezed, for its length is not 1")]
    SqueezedLength {
        /// The axis, counted from the first.
        axis: usize,
        /// The shape of the operand.
        shape: Shape,
    },

    /// All axes of length 1 are to be squeezed where not all lengths are known.
    #[error("which axes of the shape {shape} have the length 1 is not known while building; list them")]
    SqueezedUnknown {
        /// The shape of the operand.
        shape: Shape,
    },

    /// A specification of sums of products that says nothing, or does not fit its operands.
    #[error("einsum `{spec}`: {fault}")]
    Einsum {
        /// The specification.
        spec: String,
        /// What is wrong with it.
        fault: EinsumFault,
    },

    /// An operand of an outer product is no vector.
    #[error("outer takes two vectors, but came {left} and {right}")]
    OuterOperands {
        /// Shape of the left operand.
        left: Shape,
        /// Shape of the right operand.
        right: Shape,
    },

    /// The operands of a dot product are no vectors of one length.
    #[error("dot takes two vectors of one length, but came {left} and {right}")]
    DotOperands {
        /// Shape of the left operand.
        left: Shape,
        /// Shape of the right operand.
        right: Shape,
    },

    /// A shape that cannot stretch to another.
    #[error("the shape {from} does not stretch to {to}")]
    Stretch {
        /// The shape of the operand.
        from: Shape,
        /// The shape it should take.
        to: Shape,
    },

    /// A tensor of another shape than the one that is needed.
    #[error("the shape {expected} is expected, but came {found}")]
    OtherShape {
        /// The shape that is needed.
        expected: Shape,
        /// The shape that came.
        found: Shape,
    },

    /// An index that an axis of the tensor does not have.
    #[error("index {index} is out of range for axis {axis} of length {length}")]
    IndexOutOfRange {
        /// The index as given.
        index: isize,
        /// The axis, counted from the first.
        axis: usize,
        /// Its length.
        length: usize,
    },

    /// A range of indices with the step 0.
    #[error("the range along axis {axis} has the step 0")]
    SliceStep {
        /// The axis, counted from the first.
        axis: usize,
    },

    /// More ranges of indices than there are axes.
    #[error("{ranges} ranges are given for a tensor of rank {rank}")]
    SliceRank {
        /// The number of ranges.
        ranges: usize,
        /// The number of axes there are.
        rank: usize,
    },

    /// Not one entry for each axis.
    #[error("{given} entries are given where a tensor of rank {rank} needs one for each axis")]
    NotOnePerAxis {
        /// The number of entries.
        given: usize,
        /// The number of axes there are.
        rank: usize,
    },

    /// A reflection of as many elements as an axis has, or more.
    #[error("axis {axis} of length {length} has no {padding} elements behind the edge to reflect")]
    PadReflect {
        /// The axis, counted from the first.
        axis: usize,
        /// Its length.
        length: usize,
        /// The number of elements to reflect.
        padding: usize,
    },

    /// An axis that is to be cut into equal parts, but has no such length.
    #[error("axis {axis} of the shape {shape} does not split into {parts} equal parts")]
    SplitParts {
        /// The axis, counted from the first.
        axis: usize,
        /// The shape of the operand.
        shape: Shape,
        /// The number of parts.
        parts: usize,
    },

    /// Parts that do not make up the axis that is to be cut into them.
    #[error("parts of {whole} elements together do not make up axis {axis} of length {length}")]
    SplitSizes {
        /// The axis, counted from the first.
        axis: usize,
        /// Its length.
        length: usize,
        /// What the lengths of the parts add up to.
        whole: usize,
    },

    /// An axis of unknown length that is to be taken apart.
    #[error("the length of axis {axis} of the shape {shape} must be known while building to unstack it")]
    UnstackUnknown {
        /// The axis, counted from the first.
        axis: usize,
        /// The shape of the operand.
        shape: Shape,
    },

    /// Indices whose last axis does not hold one index for each of the first axes of a tensor.
    #[error(
        "indices of shape {indices} do not point into {shape}: \
         their last length must be known while building, and at most the rank"
    )]
    GatherDepth {
        /// The shape of the indices.
        indices: Shape,
        /// The shape of the tensor.
        shape: Shape,
    },

    /// Indices along an axis whose other lengths are not those of the tensor.
    #[error("indices of shape {indices} do not fit {shape} along axis {axis}")]
    TakeAlongShape {
        /// The shape of the indices.
        indices: Shape,
        /// The shape of the tensor.
        shape: Shape,
        /// The axis, counted from the first.
        axis: usize,
    },

    /// Matrices that have not as many rows as columns.
    #[error("square matrices are needed, but came {shape}")]
    NotSquare {
        /// The shape that came.
        shape: Shape,
    },

    /// Something that should be images.
    #[error("images of [batch, height, width, channels] are expected, but came {shape}")]
    NotImages {
        /// The shape that came.
        shape: Shape,
    },

    /// A window without size, or that does not move.
    #[error("the {what} of a window must be at least 1 each, but came {rows} by {columns}")]
    EmptyWindow {
        /// Which of its lengths: `size`, `strides` or `dilations`.
        what: &'static str,
        /// Rows.
        rows: usize,
        /// Columns.
        columns: usize,
    },

    /// A window that spans more than there is of an image.
    #[error("a window that spans {extent} does not fit into a {axis} of {padded}, padding included")]
    WindowTooLarge {
        /// `height` or `width`.
        axis: &'static str,
        /// Rows or columns that the window spans.
        extent: usize,
        /// Rows or columns of the image and its padding.
        padded: usize,
    },

    /// Something that should be the kernel of a convolution.
    #[error(
        "a kernel of [height, width, channels / groups, filters], all known, is expected, but came {kernel}"
    )]
    NotAKernel {
        /// The shape that came.
        kernel: Shape,
    },

    /// A kernel for images of other channels.
    #[error(
        "a kernel of shape {kernel} in {groups} groups takes {expected} channels, but the images {images} \
         have {found}"
    )]
    KernelChannels {
        /// The shape of the kernel.
        kernel: Shape,
        /// The number of groups.
        groups: usize,
        /// The channels that the kernel takes.
        expected: usize,
        /// The shape of the images.
        images: Shape,
        /// The channels of the images.
        found: usize,
    },

    /// Filters that cannot be divided among groups.
    #[error("{filters} filters cannot be divided among {groups} groups")]
    FilterGroups {
        /// The number of filters.
        filters: usize,
        /// The number of groups.
        groups: usize,
    },

    /// A range of numbers that cannot be counted out.
    #[error("a range needs a step other than 0, finite ends, and no more numbers than memory holds")]
    Range,

    /// An empty list of tensors to join.
    #[error("there are no tensors to join")]
    NothingToJoin,

    /// Tensors that differ in more than the axis along which they are to be joined.
    #[error("operand {operand} of shape {other} does not join {first} along axis {axis}")]
    JoinShapes {
        /// Shape of the first tensor.
        first: Shape,
        /// Shape of the one that does not fit.
        other: Shape,
        /// Its position, counted from 0.
        operand: usize,
        /// The axis, counted from the first.
        axis: usize,
    },

    /// A tensor of another element type than the one that is needed.
    #[error("elements of {expected} are expected, but came {found}")]
    ElementType {
        /// The type that is needed.
        expected: DType,
        /// The type that came.
        found: DType,
    },

    /// A tensor of an element type that an op does not take.
    #[error("expected elements of {expected}, got {found}")]
    ElementKind {
        /// What is needed, such as `"a float type"`.
        expected: &'static str,
        /// The type that came.
        found: DType,
    },

    /// An op that is built by name is given another number of operands than it takes.
    #[error("expected {expected} operands, got {found}")]
    OperandCount {
        /// The number of operands that the op takes; where some stand for lists, the least.
        expected: usize,
        /// The number given.
        found: usize,
    },

    /// An op that is built by name lacks an attribute, or is given one of another kind.
    #[error("attribute `{name}`: expected {expected}, got {}", found.as_deref().unwrap_or("nothing"))]
    Attribute {
        /// The attribute's name.
        name: &'static str,
        /// The kind of value that it takes.
        expected: &'static str,
        /// What was given, as text.
        found: Option<String>,
    },

    /// An op that is built by name is given an attribute that it does not have.
    #[error("expected no attribute `{name}`, got {found}")]
    UnknownAttribute {
        /// The attribute's name.
        name: String,
        /// What was given, as text.
        found: String,
    },

    /// A tensor of a function's body is used outside of it.
    #[error(
        "operand {operand} belongs to the body of `{function}`; expected one from outside, or a result of a call"
    )]
    InsideFunction {
        /// Position of the operand, counted from 0.
        operand: usize,
        /// Name of the function.
        function: String,
    },

    /// Arguments of a call do not fit a node of the function's body.
    #[error("{mistake}, in `{node}` ({op}) built at {location}, for the arguments of a call")]
    InsideCall {
        /// Name of the node of the body.
        node: String,
        /// Its op.
        op: &'static str,
        /// Where it was built.
        location: &'static Location<'static>,
        /// What is wrong there.
        mistake: Box<Mistake>,
    },

    /// A variable is changed inside of a function's body.
    #[error(
        "a function's body changes no variable; expected the new value as a result, to be assigned outside"
    )]
    AssignInFunction,

    /// The shape rule of a custom op gives no output.
    #[error("expected at least one output, got none")]
    NoOutput,

    /// What a custom op does not accept.
    #[error("{reason}")]
    Custom {
        /// Why.
        reason: String,
    },

    /// One condition is to choose between what layers give to train by and what they give to predict by. Both sides of
    /// a `select` run.
    #[error(
        "both sides of a select run, so moving statistics (BatchNorm) would be updated by predictions as well; call \
         the model twice, once per mode, and fetch the output you need"
    )]
    SelectedMode,

    /// One call would build more than it may: a graph that no memory holds is refused before it is built.
    #[error("{count} {what} are asked for; expected at most {most}")]
    TooMany {
        /// `"parts"`, `"sweeps"`.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many there may be.
        most: usize,
    },

    /// More elements than a machine can address.
    #[error("the shape {shape} has too many elements to address")]
    TooLarge {
        /// The shape.
        shape: Shape,
    },

    /// There is no memory for the elements of a constant or of a variable's start. It is reported as
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    #[error("no memory for {bytes} bytes of values")]
    OutOfMemory {
        /// How many bytes were asked for at once.
        bytes: usize,
    },

    /// Operands come from two graphs.
    #[error("operand {operand} belongs to another graph")]
    OtherGraph {
        /// Position of the operand, counted from 0.
        operand: usize,
    },

    /// A name that must be unique is taken.
    #[error("the name `{name}` is taken by {}", match taken_at {
        Some(location) => format!("a node built at {location}"),
        None => "a name scope".to_owned(),
    })]
    NameTaken {
        /// The name.
        name: String,
        /// Where the node that has it was built; `None` when a name scope has it.
        taken_at: Option<&'static Location<'static>>,
    },

    /// A value of another shape is assigned to a variable.
    #[error("a value of shape {found} does not fit variable `{variable}` of shape {expected}")]
    AssignShape {
        /// Name of the variable.
        variable: String,
        /// Shape of the variable.
        expected: Shape,
        /// Shape of the value.
        found: Shape,
    },

    /// Predictions and targets of different shapes.
    #[error("{loss} takes two tensors of one shape, but came {predictions} and {targets}")]
    LossShapes {
        /// Name of the loss.
        loss: &'static str,
        /// Shape of the predictions.
        predictions: Shape,
        /// Shape of the targets.
        targets: Shape,
    },

    /// Huber's loss with a delta that is no positive number.
    #[error("the delta of huber must be positive, but is {delta}")]
    HuberDelta {
        /// The delta, as it is printed.
        delta: String,
    },

    /// Numbers that bound no range to draw from: in the wrong order, not finite, or for integers equal.
    #[error("there are no numbers from {low} to {high} to draw from")]
    RandomRange {
        /// The least number.
        low: String,
        /// The number above.
        high: String,
    },

    /// A mean that is not finite, or a standard deviation that is not or is negative.
    #[error("there is no normal distribution of mean {mean} and standard deviation {stddev}")]
    RandomNormal {
        /// The mean.
        mean: String,
        /// The standard deviation.
        stddev: String,
    },

    /// A number that is no probability.
    #[error("{probability} is no probability: it must lie between 0 and 1")]
    Probability {
        /// The number.
        probability: String,
    },

    /// One of the elements along an axis is to be chosen, but there are none.
    #[error("there is nothing to choose along axis {axis} of the shape {shape}")]
    EmptyAxis {
        /// The axis, counted from the first.
        axis: usize,
        /// The shape of the operand.
        shape: Shape,
    },

    /// More of the largest elements are asked for than there are.
    #[error("the last axis of the shape {shape} has no {k} elements")]
    TopK {
        /// How many are asked for.
        k: usize,
        /// The shape of the operand.
        shape: Shape,
    },

    /// Labels that are not one for each row of logits.
    #[error("labels of shape {labels} are not one for each row of logits of shape {logits}")]
    LabelShape {
        /// Shape of the labels.
        labels: Shape,
        /// Shape of the logits.
        logits: Shape,
    },

    /// The shape of a variable's start is not fully known or too large.
    #[error("a variable of shape {shape} cannot be made: its lengths must be known and addressable")]
    VariableShape {
        /// The shape asked for.
        shape: Shape,
    },

    /// A gradient is asked for with respect to a tensor that the differentiated one does not depend on.
    #[error("`{y}` has no gradient with respect to `{x}`: {reason}")]
    NoGradient {
        /// Name of the differentiated tensor.
        y: String,
        /// Name of the target.
        x: String,
        /// Why there is none.
        reason: NoGradient,
    },

    /// A starting gradient whose shape is not that of its tensor.
    #[error("the gradient given for `{y}` has the shape {found}, but `{y}` has {expected}")]
    GradYsShape {
        /// Name of the differentiated tensor.
        y: String,
        /// Its shape.
        expected: Shape,
        /// Shape of the gradient given.
        found: Shape,
    },

    /// Not one starting gradient for each differentiated tensor.
    #[error("{ys} tensors are differentiated, but {grad_ys} starting gradients are given")]
    GradYsCount {
        /// Number of differentiated tensors.
        ys: usize,
        /// Number of gradients given.
        grad_ys: usize,
    },

    /// A derivative with one part for each element of a tensor whose lengths are not all known.
    #[error("one part is built for each element of `{tensor}`, but its shape {shape} is not known in full")]
    UnknownSize {
        /// Name of the tensor.
        tensor: String,
        /// Its shape.
        shape: Shape,
    },

    /// Not one vector for each target of a product with derivatives.
    #[error("{xs} targets take a vector each, but {vectors} are given")]
    VectorCount {
        /// Number of targets.
        xs: usize,
        /// Number of vectors given.
        vectors: usize,
    },

    /// A vector of another shape than the target whose derivative it multiplies.
    #[error("the vector given for `{x}` has the shape {found}, but `{x}` has {expected}")]
    VectorShape {
        /// Name of the target.
        x: String,
        /// Its shape.
        expected: Shape,
        /// Shape of the vector given.
        found: Shape,
    },

    /// A custom gradient gives an input a gradient of another shape.
    #[error("the custom gradient gives `{x}` a gradient of the shape {found}, but `{x}` has {expected}")]
    ShareShape {
        /// Name of the input.
        x: String,
        /// Its shape.
        expected: Shape,
        /// Shape of the gradient given.
        found: Shape,
    },

    /// An output that an op does not have.
    #[error("there is no output {output}: the op has {outputs}")]
    NoSuchOutput {
        /// The position asked for.
        output: usize,
        /// The number of outputs.
        outputs: usize,
    },

    /// An input of a custom gradient that it does not have.
    #[error("there is no input {input}: the custom gradient is of {inputs} inputs")]
    NoSuchInput {
        /// The position asked for.
        input: usize,
        /// The number of inputs.
        inputs: usize,
    },
}

impl From<OutOfMemory> for Mistake {
    fn from(OutOfMemory { bytes, .. }: OutOfMemory) -> Self {
        Mistake::OutOfMemory { bytes }
    }
}

/// What is wrong with a specification of sums of products.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EinsumFault {
    /// It has an ellipsis.
    #[error("an ellipsis is not supported; name each axis")]
    Ellipsis,
    /// An index is twice in one term.
    #[error("the index `{index}` is twice in one term; diagonals are not supported")]
    Repeated {
        /// The index.
        index: char,
    },
    /// A character that is no index.
    #[error("`{found}` is no index, which is a letter from a to z or A to Z")]
    NoIndex {
        /// The character.
        found: char,
    },
    /// The result has an index that no operand has.
    #[error("the index `{index}` of the result is in no operand")]
    OnlyInResult {
        /// The index.
        index: char,
    },
    /// Not one term for each operand.
    #[error("its number of terms is {terms}, but that of operands {operands}")]
    Operands {
        /// Number of terms.
        terms: usize,
        /// Number of operands.
        operands: usize,
    },
    /// A term has not one index for each axis of its operand.
    #[error("operand {operand} has the shape {shape}, but its term has {indices} indices")]
    Rank {
        /// Position of the operand, counted from 0.
        operand: usize,
        /// Shape of the operand.
        shape: Shape,
        /// Number of indices in its term.
        indices: usize,
    },
    /// An index stands for axes of different lengths.
    #[error("the index `{index}` has the lengths {left} and {right}")]
    Lengths {
        /// The index.
        index: char,
        /// Its length in the first operand.
        left: usize,
        /// Its length in the second.
        right: usize,
    },
}

/// Why one tensor has no gradient with respect to another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoGradient {
    /// It is not computed from it.
    #[error("there is no path between them")]
    NoPath,
    /// Every path passes through integers or truth values, which have no derivative.
    #[error("the path passes through `{node}` ({dtype}), which is not continuous")]
    NotContinuous {
        /// Name of the node that cuts the path.
        node: String,
        /// Its element type.
        dtype: DType,
    },
    /// Every path is cut by an op that passes no gradient, such as `stop_gradient`.
    #[error("the path passes through `{node}` ({op}), which passes no gradient")]
    Stopped {
        /// Name of the node that cuts the path.
        node: String,
        /// Name of its op.
        op: &'static str,
    },
}

impl From<ShapeError> for Mistake {
    fn from(error: ShapeError) -> Self {
        match error {
            ShapeError::Broadcast { left, right } => Mistake::Broadcast { left, right },
            ShapeError::AxisOutOfRange { axis, rank } => Mistake::AxisOutOfRange { axis, rank },
            ShapeError::AxisTwice { axis } => Mistake::AxisTwice { axis },
        }
    }
}

impl Shape {
    /// The shape that an op gives; too large, if a length is unknown although all are known of which it is made: it is
    /// one that no number can tell.
    pub(crate) fn counted(self, made_of_known: bool) -> Result<Shape, Mistake> {
        if made_of_known && !self.is_known() { Err(Mistake::TooLarge { shape: self }) } else { Ok(self) }
    }
}

impl TensorType {
    /// The type of what this and another operand of its element type give elementwise.
    ///
    /// # Errors
    /// [`Mistake::Broadcast`] if the shapes do not broadcast, [`Mistake::ElementType`] if the other is of another
    /// element type.
    pub fn together(&self, other: &TensorType) -> Result<TensorType, Mistake> {
        if self.dtype != other.dtype {
            return Err(Mistake::ElementType { expected: self.dtype, found: other.dtype });
        }
        Ok(TensorType { dtype: self.dtype, shape: broadcast(&self.shape, &other.shape)? })
    }
}
