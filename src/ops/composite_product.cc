// SPDX-License-Identifier: MIT
#include "base/try.h"
#include "ops/einsum.h"
#include "ops/families.h"
#include "ops/rewriter.h"
#include "ops/shape_rules.h"

/// Products of tensors of any rank as products of (batches of) matrices.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::Dims;
using ir::TensorType;
using ir::ValueId;

// ---- matmul ------------------------------------------------------------------------------------

/// How a factor looks as a batch of matrices: a vector is a row on the left and a column on the
/// right.
struct Factors {
  Dims left_batch, right_batch, batch;
  Dim rows, inner, columns;
  bool has_rows = true, has_columns = true;  ///< false: a vector, whose size 1 goes away again

  Dims result() const {
    Dims dims = batch;
    if (has_rows) dims.push_back(rows);
    if (has_columns) dims.push_back(columns);
    return dims;
  }
};

Result<Factors> factors_of(const TensorType& left, const TensorType& right) {
  TRY(expect_rank(left, "self", 1, Shape::kMaxRank));
  TRY(expect_rank(right, "other", 1, Shape::kMaxRank));
  TRY(expect_same_dtype(left, "self", right, "other"));
  Factors factors{.has_rows = left.rank() > 1, .has_columns = right.rank() > 1};
  factors.inner = left.dims.back();
  factors.rows = factors.has_rows ? left.dims[left.rank() - 2] : Dim(1);
  factors.columns = factors.has_columns ? right.dims.back() : Dim(1);
  const Dim& right_inner = right.dims[factors.has_columns ? right.rank() - 2 : 0];
  TRY(expect_equal(right_inner, "the rows of 'other'", factors.inner, "the columns of 'self'"));
  if (factors.has_rows) factors.left_batch.assign(left.dims.begin(), left.dims.end() - 2);
  if (factors.has_columns) factors.right_batch.assign(right.dims.begin(), right.dims.end() - 2);
  factors.batch = TRY(broadcast(factors.left_batch, factors.right_batch));
  return factors;
}

Result<std::vector<TensorType>> infer_matmul(const ir::TypeArguments& arguments) {
  const Factors factors = TRY(factors_of(arguments.tensor(0), arguments.tensor(1)));
  return std::vector{TensorType{arguments.tensor(0).dtype, factors.result()}};
}

Dims with_matrix(Dims batch, const Dim& rows, const Dim& columns) {
  batch.push_back(rows);
  batch.push_back(columns);
  return batch;
}

/// [batch.., rows, columns] with the whole batch in one dimension.
Result<ValueId> as_batch(Rewriter& rewriter, ValueId value, const Dims& own_batch,
                         const Dims& batch, const Dim& rows, const Dim& columns) {
  value = TRY(rewriter.view(value, with_matrix(own_batch, rows, columns)));
  if (own_batch != batch) {
    value =
        TRY(rewriter.call("aten::expand_copy", {value, with_matrix(batch, rows, columns), false}));
  }
  return rewriter.view(value, {num_elements(batch), rows, columns});
}

Result<void> decompose_matmul(ir::Graph& graph, ir::NodeId id) {
  Rewriter rewriter(graph, id);
  const ValueId left = rewriter.tensor(0), right = rewriter.tensor(1);
  const Factors f = TRY(factors_of(rewriter.type_of(left), rewriter.type_of(right)));
  ValueId product;
  if (f.right_batch.empty()) {
    const Dim rows = num_elements(f.left_batch) * f.rows;
    const ValueId matrix = TRY(rewriter.view(left, {rows, f.inner}));
    const ValueId other = TRY(rewriter.view(right, {f.inner, f.columns}));
    product = TRY(rewriter.call("aten::mm", {matrix, other}));
  } else {
    const ValueId a = TRY(as_batch(rewriter, left, f.left_batch, f.batch, f.rows, f.inner));
    const ValueId b = TRY(as_batch(rewriter, right, f.right_batch, f.batch, f.inner, f.columns));
    product = TRY(rewriter.call("aten::bmm", {a, b}));
  }
  return rewriter.finish(TRY(rewriter.view(product, f.result())));
}

// ---- einsum ------------------------------------------------------------------------------------

Result<std::vector<TensorType>> infer_einsum(const ir::TypeArguments& arguments) {
  const auto tensors = arguments.tensors(1);
  const Einsum einsum = TRY(parse_einsum(arguments.text(0), tensors.size()));
  const auto sizes = TRY(einsum_sizes(einsum, tensors));
  TensorType result{tensors[0]->dtype, {}};
  for (const char label : einsum.result) result.dims.push_back(sizes.at(label));
  return std::vector{std::move(result)};
}

/// A tensor and the label of each of its dimensions.
struct Labelled {
  ValueId value;
  std::string labels;
};

class EinsumRewriter {
 public:
  EinsumRewriter(Rewriter& rewriter, std::map<char, Dim> sizes)
      : rewriter_(rewriter), sizes_(std::move(sizes)) {}

  /// The sum over all labels but these.
  Result<Labelled> reduced(Labelled from, const std::string& kept) {
    Dims summed;
    std::string labels;
    for (std::size_t dim = 0; dim < from.labels.size(); ++dim) {
      if (kept.contains(from.labels[dim])) {
        labels += from.labels[dim];
      } else {
        summed.emplace_back(static_cast<std::int64_t>(dim));
      }
    }
    if (summed.empty()) return from;
    const ValueId sum = TRY(rewriter_.call(
        "aten::sum.dim_IntList", {from.value, std::move(summed), false, std::monostate()}));
    return Labelled{sum, labels};
  }

  Result<Labelled> permuted(Labelled from, const std::string& labels) {
    std::vector<std::size_t> order;
    for (const char label : labels) order.push_back(from.labels.find(label));
    return Labelled{TRY(rewriter_.permute(from.value, order)), labels};
  }

  /// The product, with only those labels left that are wanted.
  Result<Labelled> product(Labelled left, Labelled right, const std::string& wanted) {
    left = TRY(reduced(std::move(left), right.labels + wanted));
    right = TRY(reduced(std::move(right), left.labels + wanted));
    std::string batch, rows, inner, columns;
    for (const char label : left.labels) {
      if (!right.labels.contains(label)) {
        rows += label;
      } else {
        (wanted.contains(label) ? batch : inner) += label;
      }
    }
    for (const char label : right.labels) {
      if (!left.labels.contains(label)) columns += label;
    }
    left = TRY(permuted(std::move(left), batch + rows + inner));
    right = TRY(permuted(std::move(right), batch + inner + columns));
    const Dim b = size_of(batch), m = size_of(rows), k = size_of(inner), n = size_of(columns);
    const ValueId a = TRY(rewriter_.view(left.value, {b, m, k}));
    const ValueId c = TRY(rewriter_.view(right.value, {b, k, n}));
    const ValueId matrices = TRY(rewriter_.call("aten::bmm", {a, c}));
    const std::string labels = batch + rows + columns;
    Dims dims;
    for (const char label : labels) dims.push_back(sizes_.at(label));
    return Labelled{TRY(rewriter_.view(matrices, std::move(dims))), labels};
  }

 private:
  Dim size_of(const std::string& labels) const {
    Dim size(1);
    for (const char label : labels) size = size * sizes_.at(label);
    return size;
  }

  Rewriter& rewriter_;
  const std::map<char, Dim> sizes_;
};

Result<void> decompose_einsum(ir::Graph& graph, ir::NodeId id) {
  Rewriter rewriter(graph, id);
  const auto& tensors = rewriter.get<std::vector<ValueId>>(1);
  const Einsum einsum = TRY(parse_einsum(rewriter.get<std::string>(0), tensors.size()));
  std::vector<const TensorType*> types;
  for (const ValueId tensor : tensors) types.push_back(&rewriter.type_of(tensor));
  EinsumRewriter einsums(rewriter, TRY(einsum_sizes(einsum, types)));
  Labelled sofar{tensors[0], einsum.operands[0]};
  for (std::size_t i = 1; i < tensors.size(); ++i) {
    std::string wanted = einsum.result;
    for (std::size_t later = i + 1; later < tensors.size(); ++later) {
      wanted += einsum.operands[later];
    }
    sofar = TRY(einsums.product(std::move(sofar), {tensors[i], einsum.operands[i]}, wanted));
  }
  sofar = TRY(einsums.reduced(std::move(sofar), einsum.result));
  return rewriter.finish(TRY(einsums.permuted(std::move(sofar), einsum.result)).value);
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kMatmulSamples[] = {
    {"(f32[3,5], f32[5,4])"},       {"(f32[2,3,5], f32[5,4])"}, {"(f32[2,3,5], f32[2,5,4])"},
    {"(f32[4,1,3,5], f32[2,5,4])"}, {"(f32[5], f32[5])"},       {"(f32[5], f32[2,5,4])"},
    {"(f32[2,3,5], f32[5])"}};
constexpr ir::Sample kEinsumSamples[] = {
    {"(\"b i d, b j d -> b i j\", [f32[2,3,5], f32[2,4,5]], none)"},
    {"(\"bij,bjd->bid\", [f32[2,3,4], f32[2,4,5]], none)"},
    {"(\"ij,jk\", [f32[3,4], f32[4,5]], none)"},
    {"(\"ijk->ki\", [f32[3,4,5]], none)"},
    {"(\"nchw,c,nhwk->kc\", [f32[1,3,4,2], f32[3], f32[1,4,2,5]], none)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::matmul(Tensor self, Tensor other) -> Tensor",
     .infer = infer_matmul,
     .decompose = decompose_matmul,
     .samples = kMatmulSamples},
    {.schema = "aten::einsum(str equation, Tensor[] tensors, *, int[]? path=None) -> Tensor",
     .infer = infer_einsum,
     .decompose = decompose_einsum,
     .samples = kEinsumSamples},
};

}  // namespace

std::span<const ir::Operator> composite_product_operators() { return kOperators; }

}  // namespace tessera::ops
