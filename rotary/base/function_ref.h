// A borrowed callable: what std::function is without owning, allocating or copying.
#ifndef ROTARY_BASE_FUNCTION_REF_H_
#define ROTARY_BASE_FUNCTION_REF_H_

#include <memory>
#include <type_traits>
#include <utility>

namespace rotary {

template <class Signature>
class FunctionRef;

// The callable must outlive the call it is passed to, as every argument of a function does.
template <class Result, class... Args>
class FunctionRef<Result(Args...)> {
 public:
  // Not explicit: a lambda is passed as it is. Copies are left to the copy constructor.
  template <class Callable,
            class = std::enable_if_t<!std::is_same_v<std::remove_cvref_t<Callable>, FunctionRef>>>
  FunctionRef(Callable&& callable)
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
        call_([](void* object, Args... args) -> Result {
          return (*static_cast<std::remove_reference_t<Callable>*>(object))(
              std::forward<Args>(args)...);
        }) {}

  Result operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  Result (*call_)(void*, Args...);
};

}  // namespace rotary

#endif  // ROTARY_BASE_FUNCTION_REF_H_
