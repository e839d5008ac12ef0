// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tessera/result.h"
#include "tessera/tensor.h"

namespace tessera {

class Method;

/// A run was stopped because its caller asked for it. Tessera's own code, far above ExecuTorch's,
/// which may still grow.
inline constexpr ErrorCode kCancelled{0x10000};

/// What is known of an input or output before it is set.
struct TensorInfo {
  DType dtype = DType::kF32;
  Shape max_sizes;  ///< upper bounds; the sizes themselves if not dynamic
  Shape min_sizes;  ///< lower bounds where the file has them (Tessera's own files), else 1
  bool is_dynamic = false;
  /// "f32[1,3,h,w]" where the file says so, else with bounds: "f32[1, 3, ..1024, ..1024]".
  std::string type_string;
};

/// Kinds of values that a method takes and gives. An optional tensor that is not there is kNone.
enum class ValueKind : std::uint8_t {
  kNone,
  kInt,
  kBool,
  kDouble,
  kTensor,
  kString,
  kIntList,
  kDoubleList,
  kBoolList,
  kTensorList,
  kOptionalTensorList,
};
/// "Tensor", "Int", "IntList", ...
std::string_view name_of(ValueKind kind);

/// A parameter or buffer whose name the file keeps.
struct AttributeInfo {
  std::string name;  ///< "layer.weight"
  DType dtype = DType::kF32;
  Shape sizes;               ///< upper bounds
  bool is_external = false;  ///< in a data file
};

/// What a program says of a method without loading it (ExecuTorch's MethodMeta).
struct MethodInfo {
  std::vector<ValueKind> inputs, outputs;
  std::vector<std::string> backends;  ///< ids of the delegates, each once
  std::size_t num_instructions = 0;
  std::vector<std::size_t> planned_bytes;  ///< of each arena, at the upper bound
  std::vector<AttributeInfo> attributes;
  /// torch's description (JSON) of how arguments and results nest; Tessera never reads it.
  std::string encoded_inputs, encoded_outputs;
  bool is_constant = false;  ///< takes nothing and computes nothing; see Program::constants
};

/// One value that a constant method gives. Tensors are copies.
using ConstantValue =
    std::variant<std::monostate, std::int64_t, bool, double, std::string, std::vector<std::int64_t>,
                 std::vector<double>, std::vector<bool>, Tensor>;

struct LoadOptions {
  /// Data files (.ptd) with the weights that the program itself does not hold. They are mapped,
  /// too.
  std::vector<std::filesystem::path> data_files;
  /// The same from memory, which is copied.
  std::vector<std::span<const std::byte>> data;
};

/// Memory for the intermediate values of several Methods that take turns: as large as the one that
/// needs most, not as all together. Loading a Method and destroying it wait for a turn; an execute
/// does not, and fails with kInvalidState while another Method that shares the workspace runs.
class Workspace {
 public:
  static std::shared_ptr<Workspace> create();
  ~Workspace();

  /// What it takes now. Any thread may ask.
  std::size_t num_bytes() const;

  struct Impl;
  Impl& impl() const { return *impl_; }  ///< for Method

 private:
  Workspace();
  std::unique_ptr<Impl> impl_;
};

struct MethodOptions {
  std::size_t num_threads = 1;  ///< 0: all processors
  /// Keep the time of every instruction and of every operator in a delegate; see Method::profile.
  bool profile = false;
  /// Null: the method has a workspace of its own, which its delegates share.
  std::shared_ptr<Workspace> workspace;
  /// Where packed weights are kept between processes, so that the next load does not pack them
  /// (docs/formats/packed_weights.md). Empty: nowhere. Weights that the file does not have are
  /// added to it; a file that cannot be read or written makes loading slower, not fail (see
  /// MethodMemory::mapped_weight_bytes).
  std::filesystem::path packed_weights_file;
  /// A delegate whose nodes all work row by row (convolutions, pooling, pointwise operators) and
  /// that needs far more memory than this for intermediate values runs in horizontal bands of about
  /// this size for each thread: in less memory, from the cache, and with the bits of the whole.
  /// 0: never.
  std::size_t band_bytes = std::size_t{6} << 20;
};

/// An ExecuTorch program (.pte), immutable after load. Any number of threads may share one; weights
/// stay in the file's mapping and are never copied.
class Program {
 public:
  /// Maps and checks the files. Errors: kNotFound, kAccessFailed, kInvalidProgram (what is wrong
  /// and where), kInvalidExternalData (likewise for a data file; a key that two files have).
  static Result<std::shared_ptr<const Program>> load(const std::filesystem::path& path,
                                                     const LoadOptions& options = {});
  /// The same from memory, which is copied.
  static Result<std::shared_ptr<const Program>> load(std::span<const std::byte> bytes,
                                                     const LoadOptions& options = {});
  ~Program();

  std::vector<std::string> method_names() const;
  Result<std::vector<TensorInfo>> inputs(std::string_view method = "forward") const;
  Result<std::vector<TensorInfo>> outputs(std::string_view method = "forward") const;
  Result<MethodInfo> info(std::string_view method = "forward") const;

  /// What a constant method ("get_vocabulary_size", "get_labels") gives. ExecuTorch writes one
  /// value for a number, string or tensor and for lists and dictionaries one for each item. Errors:
  /// kNotFound, kInvalidArgument for a method that takes or computes something.
  Result<std::vector<ConstantValue>> constants(std::string_view method) const;

  /// Makes a Method: resolves kernels, builds delegates, reserves memory. Operators that Tessera
  /// has no kernel for are reported all at once (kOperatorMissing), and so are data that no file
  /// has (kNotFound). The program is kept alive.
  Result<std::unique_ptr<Method>> load_method(std::string_view name = "forward",
                                              MethodOptions options = {}) const;

  struct Impl;
  const Impl& impl() const { return *impl_; }  ///< for Tessera's own parts (tiling, inspect)

 private:
  explicit Program(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Bytes of memory of one Method.
struct MethodMemory {
  std::size_t planned_bytes = 0;    ///< arenas at the upper bound: reserved address space
  std::size_t committed_bytes = 0;  ///< of them in use for the current sizes
  /// Of the delegates, for the current sizes. Of MethodOptions::workspace, all of it.
  std::size_t workspace_bytes = 0;
  /// Weights in the order of XNNPACK's kernels. Methods with equal weights share them.
  std::size_t packed_weight_bytes = 0;
  std::size_t mapped_weight_bytes = 0;  ///< of them in MethodOptions::packed_weights_file
};

/// Time that an instruction of a method took, or one operator inside a delegate call.
struct ProfileRecord {
  std::string instruction;  ///< "instruction 3 (aten::add.out)"
  /// "aten::add.out"; inside a delegate call XNNPACK's name, "Convolution (NHWC, F32) IGEMM".
  std::string operator_name;
  double microseconds = 0;  ///< sum over all runs
  std::size_t runs = 0;
};

/// One method of a program, ready to run, with its own memory. One thread at a time; several
/// Methods of one Program may run at once.
class Method {
 public:
  ~Method();

  std::size_t num_inputs() const;
  std::size_t num_outputs() const;

  /// Copies the input, of any dim order, to the method's memory. Errors name the dimension, the
  /// range and the value: kInvalidArgument for sizes, kInvalidType for the dtype.
  Result<void> set_input(std::size_t index, const Tensor& tensor);
  /// Uses the caller's memory as the input, without a copy, until another tensor is set or bound.
  /// A tensor in another dim order than the program's is converted before each run, unless a
  /// delegate can read it as it is (channels last in front of a convolution).
  /// The memory has kTensorPaddingBytes readable bytes behind its end (every Tensor that owns its
  /// memory has them).
  Result<void> bind_input(std::size_t index, const Tensor& tensor);
  /// Writes the output to the caller's memory, which holds `capacity_bytes`, from the next execute
  /// on, in this dim order: without a copy if the program or its delegate can write it there.
  Result<void> bind_output(std::size_t index, void* data, std::size_t capacity_bytes,
                           const DimOrder& dim_order = {});

  /// Runs the method on the inputs set. Allocates nothing if no size has changed. If `stop` is
  /// requested, fails with kCancelled before the next instruction (a delegate call is one). There
  /// is no output then, and state may be half updated; the method can be executed again.
  Result<void> execute(std::stop_token stop = {});

  /// The output of the last execute: a view of the method's memory (or of what was bound), in the
  /// program's dim order (or the one bound), valid
  /// until the next set_input, execute or the method's end.
  Result<Tensor> output(std::size_t index) const;

  MethodMemory memory() const;

  /// What ran since the method was loaded or the profile cleared, in the order of the program;
  /// empty without MethodOptions::profile. Records do not overlap: a delegate call is the records
  /// of its operators and one of what is left ("outside of its operators"; XNNPACK rounds operators
  /// down to microseconds).
  std::vector<ProfileRecord> profile() const;
  void clear_profile();

  struct Impl;
  explicit Method(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace tessera
