# SPDX-License-Identifier: MIT
"""torchao's operators for affine quantization (torchao/quantization/quant_primitives.py): their schemas, and what they
compute for integer zero points and asymmetric ranges of rows. Importing this registers them."""
import torch

LIBRARY = torch.library.Library("torchao", "FRAGMENT")


def operator(schema):
    def register(function):
        LIBRARY.define(schema)
        LIBRARY.impl(schema.partition("(")[0], function, "CompositeExplicitAutograd")
        return function
    return register


def spread(params, block_size, sizes):
    """One parameter for each element, from those of blocks."""
    params = params.reshape([size // block for size, block in zip(sizes, block_size, strict=True)])
    for dim, block in enumerate(block_size):
        params = params.repeat_interleave(block, dim)
    return params


@operator("choose_qparams_affine(Tensor? input, str mapping_type, SymInt[] block_size, ScalarType target_dtype, "
          "Scalar? quant_min=None, Scalar? quant_max=None, float? eps=None, ScalarType? scale_dtype=None, "
          "ScalarType? zero_point_dtype=None, bool keepdim=False) -> (Tensor, Tensor)")
def choose_qparams_affine(x, mapping_type, block_size, target_dtype, quant_min=None, quant_max=None, eps=None,
                          scale_dtype=None, zero_point_dtype=None, keepdim=False):
    assert mapping_type == "ASYMMETRIC" and list(block_size) == [1] * (x.dim() - 1) + [x.shape[-1]]
    least = torch.iinfo(target_dtype).min if quant_min is None else quant_min
    greatest = torch.iinfo(target_dtype).max if quant_max is None else quant_max
    keepdim = keepdim or x.shape[-1] == 1
    low, high = x.amin(-1, keepdim).clamp(max=0), x.amax(-1, keepdim).clamp(min=0)
    scale = ((high - low) / (greatest - least)).clamp(min=eps or torch.finfo(x.dtype).smallest_normal)
    zero_point = (least - torch.round(low / scale)).clamp(least, greatest)
    return scale.to(scale_dtype or x.dtype), zero_point.to(zero_point_dtype or torch.int32)


@operator("quantize_affine(Tensor input, SymInt[] block_size, Tensor scale, Tensor? zero_point, "
          "ScalarType output_dtype, Scalar? quant_min=None, Scalar? quant_max=None) -> Tensor")
def quantize_affine(x, block_size, scale, zero_point, output_dtype, quant_min=None, quant_max=None):
    least = torch.iinfo(output_dtype).min if quant_min is None else quant_min
    greatest = torch.iinfo(output_dtype).max if quant_max is None else quant_max
    scale, zero_point = spread(scale, block_size, x.shape), spread(zero_point, block_size, x.shape)
    return torch.clamp(torch.round(x * (1.0 / scale)) + zero_point, least, greatest).to(output_dtype)


@operator("dequantize_affine(Tensor input, SymInt[] block_size, Tensor scale, Tensor? zero_point, "
          "ScalarType input_dtype, Scalar? quant_min=None, Scalar? quant_max=None, "
          "ScalarType output_dtype=float32) -> Tensor")
def dequantize_affine(x, block_size, scale, zero_point, input_dtype, quant_min=None, quant_max=None,
                      output_dtype=torch.float32):
    assert x.dtype == input_dtype
    real = x.to(output_dtype)
    if zero_point is not None:
        real = real - spread(zero_point, block_size, x.shape).to(output_dtype)
    return (real * spread(scale, block_size, x.shape)).to(output_dtype)
