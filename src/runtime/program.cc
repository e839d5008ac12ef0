// SPDX-License-Identifier: MIT
#include "tessera/program.h"

#include <utility>

#include "base/try.h"
#include "runtime/method_impl.h"
#include "runtime/program_impl.h"

namespace tessera {
namespace {

Result<std::optional<ir::Signature>> find_signature(const pte::Program& program,
                                                    const std::string& method) {
  const auto bytes = program.find_named_data(pte::signature_key(method));
  if (!bytes) return std::nullopt;
  const std::string_view text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  auto signature = ir::parse_signature(text);
  if (!signature) {
    return fail(ErrorCode::kInvalidProgram, "signature of method '{}': {}", method,
                signature.error().message);
  }
  return *std::move(signature);
}

Result<std::vector<runtime::DataMap::File>> open_data_files(const LoadOptions& options) {
  std::vector<runtime::DataMap::File> files;
  for (const std::filesystem::path& path : options.data_files) {
    files.push_back({path.string(), TRY(FileBytes::map(path))});
  }
  for (std::size_t i = 0; i < options.data.size(); ++i) {
    files.push_back({std::format("data {} in memory", i), FileBytes::copy_of(options.data[i])});
  }
  return files;
}

}  // namespace

Result<std::unique_ptr<Program::Impl>> Program::Impl::read(runtime::DataMap::File file,
                                                           const LoadOptions& options) {
  auto impl = std::make_unique<Impl>();
  const std::string name = file.name;
  auto program = pte::read(file.bytes->bytes());
  if (!program) return with_context(std::move(program).error(), name);
  impl->program = *std::move(program);
  impl->data =
      TRY(runtime::DataMap::build(impl->program, std::move(file), TRY(open_data_files(options))));
  for (const pte::ExecutionPlan& plan : impl->program.plans) {
    auto signature = find_signature(impl->program, plan.name);
    if (!signature) return with_context(std::move(signature).error(), name);
    impl->methods.push_back({&plan, *std::move(signature)});
  }
  return impl;
}

Result<const Program::Impl::MethodEntry*> Program::Impl::find_method(std::string_view name) const {
  std::string names;
  for (const MethodEntry& entry : methods) {
    if (entry.plan->name == name) return &entry;
    names += std::format("{}'{}'", names.empty() ? "" : ", ", entry.plan->name);
  }
  return fail(ErrorCode::kNotFound, "no method '{}', the program has {}", name,
              names.empty() ? "none" : names);
}

Program::Program(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Program::~Program() = default;

Result<std::shared_ptr<const Program>> Program::load(const std::filesystem::path& path,
                                                     const LoadOptions& options) {
  auto impl = TRY(Impl::read({path.string(), TRY(FileBytes::map(path))}, options));
  return std::shared_ptr<const Program>(new Program(std::move(impl)));
}

Result<std::shared_ptr<const Program>> Program::load(std::span<const std::byte> bytes,
                                                     const LoadOptions& options) {
  auto impl = TRY(Impl::read({"the program in memory", FileBytes::copy_of(bytes)}, options));
  return std::shared_ptr<const Program>(new Program(std::move(impl)));
}

std::vector<std::string> Program::method_names() const {
  std::vector<std::string> names;
  for (const Impl::MethodEntry& entry : impl_->methods) names.push_back(entry.plan->name);
  return names;
}

Result<std::vector<TensorInfo>> Program::inputs(std::string_view method) const {
  const Impl::MethodEntry& entry = *TRY(impl_->find_method(method));
  return TRY(runtime::InputRules::make(*entry.plan, entry.signature)).infos();
}

Result<std::vector<TensorInfo>> Program::outputs(std::string_view method) const {
  const Impl::MethodEntry& entry = *TRY(impl_->find_method(method));
  return runtime::output_infos(*entry.plan, entry.signature);
}

Result<std::unique_ptr<Method>> Program::load_method(std::string_view name,
                                                     MethodOptions options) const {
  const Impl::MethodEntry& entry = *TRY(impl_->find_method(name));
  auto method = Method::Impl::load(*impl_, entry, options);
  if (!method) return with_context(std::move(method).error(), std::format("method '{}'", name));
  return std::make_unique<Method>(*std::move(method));
}

}  // namespace tessera
