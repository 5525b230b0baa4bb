"""`Vector`: a few numbers in one register, as a type that Numba kernels load, compute with and store.

Numba's own vectoriser cannot be trusted with short inner loops over samples; here a kernel says what it wants. LLVM
lowers the generic vectors to whatever the machine has (AVX-512, AVX2, NEON).
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc"

import operator

import numpy as np
from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.core.datamodel import PrimitiveModel, register_default
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin

_FLAGS = ("contract", "reassoc", "nsz")


ROW_BYTES = 64
"""A row of a tile is a cache line, so that no scattered row costs half a line for nothing."""


class VectorType(types.Type):
    """As many floats of one type as fill some bytes."""

    def __init__(self, dtype: types.Float, size: int) -> None:
        self.dtype, self.lanes = dtype, 8 * size // dtype.bitwidth
        super().__init__(name=f"Vector({dtype}, {self.lanes})")


@register_default(VectorType)
class _VectorModel(PrimitiveModel):
    def __init__(self, manager, vector):
        super().__init__(manager, vector, _llvm(vector))


def lanes_of(dtype: np.dtype) -> int:
    """Return how many floats a row holds."""
    return ROW_BYTES // dtype.itemsize


def register_bytes() -> int:
    """Return the width of this machine's widest register, at most a row."""
    return ROW_BYTES if binding.get_host_cpu_features().get("avx512f") else ROW_BYTES // 2


def _llvm(vector):
    element = ir.FloatType() if vector.dtype == types.float32 else ir.DoubleType()
    return ir.VectorType(element, vector.lanes)


def _pointer(context, builder, array_type, vector, array, number):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(builder.bitcast(data, _llvm(vector).as_pointer()), [number])


def _in_every_lane(builder, vector, element):
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, element, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None))


def _of_size(size):
    """Return `load`, `splat` and `full` for vectors of some bytes."""

    @intrinsic
    def load(_typing_context, array, _number):
        vector = VectorType(array.dtype, size())

        def generate(context, builder, sig, arguments):
            pointer = _pointer(context, builder, sig.args[0], vector, *arguments)
            return builder.load(pointer, align=vector.dtype.bitwidth // 8)

        return vector(array, types.int64), generate

    @intrinsic
    def splat(_typing_context, array, _place):
        vector = VectorType(array.dtype, size())

        def generate(context, builder, sig, arguments):
            data = context.make_array(sig.args[0])(context, builder, arguments[0]).data
            return _in_every_lane(builder, _llvm(vector), builder.load(builder.gep(data, [arguments[1]])))

        return vector(array, types.int64), generate

    @intrinsic
    def full(_typing_context, array, value):
        vector = VectorType(array.dtype, size())

        def generate(context, builder, sig, arguments):
            element = context.cast(builder, arguments[1], sig.args[1], vector.dtype)
            return _in_every_lane(builder, _llvm(vector), element)

        return vector(array, value), generate

    return load, splat, full


load, splat, full = _of_size(lambda: ROW_BYTES)
"""Row number k of a contiguous array; an entry of one in every lane; a number in every lane, of an array's type."""
load_register, splat_register, full_register = _of_size(register_bytes)
"""The same for a vector as wide as a register, of which a row holds one or two."""


@intrinsic
def registers_per_row(_typing_context):
    """Return how many registers a row fills."""

    def generate(_context, _builder, _sig, _arguments):
        return ir.Constant(ir.IntType(64), ROW_BYTES // register_bytes())

    return types.int64(), generate


@intrinsic
def store(_typing_context, array, _number, vector):
    """Write vector number k of a contiguous array, counted in vectors of its own width."""

    def generate(context, builder, sig, arguments):
        pointer = _pointer(context, builder, sig.args[0], vector, *arguments[:2])
        builder.store(arguments[2], pointer, align=vector.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.int64, vector), generate


@intrinsic
def total(_typing_context, vector):
    """Return the sum over lanes."""

    def generate(_context, builder, _sig, arguments):
        llvm = _llvm(vector)
        name = f"llvm.vector.reduce.fadd.v{llvm.count}f{vector.dtype.bitwidth}"
        signature = ir.FunctionType(llvm.element, [llvm.element, llvm])
        function = cgutils.get_or_insert_function(builder.module, signature, name)
        return builder.call(function, [ir.Constant(llvm.element, 0.0), arguments[0]], fastmath=_FLAGS)

    return vector.dtype(vector), generate


def _arithmetic(function, instruction):
    @infer_global(function)
    class _Typing(AbstractTemplate):
        def generic(self, args, kws):
            if len(args) == 2 and isinstance(args[0], VectorType) and args[0] == args[1]:
                return signature(args[0], *args)
            return None

    @lower_builtin(function, VectorType, VectorType)
    def _lower(_context, builder, _sig, args):
        return getattr(builder, instruction)(*args, flags=_FLAGS)


_arithmetic(operator.add, "fadd")
_arithmetic(operator.sub, "fsub")
_arithmetic(operator.mul, "fmul")
