# Flags every target shares, carried by one interface library.
add_library(tapemill_build INTERFACE)
target_compile_features(tapemill_build INTERFACE c_std_11)
target_compile_definitions(tapemill_build INTERFACE _GNU_SOURCE
  TAPEMILL_VERSION="${PROJECT_VERSION}"
  $<$<BOOL:${TAPEMILL_FAILPOINTS}>:TAPEMILL_FAILPOINTS>)
target_compile_options(tapemill_build INTERFACE -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes
  -Wmissing-prototypes -Wundef -Wvla -Wpointer-arith -Wcast-qual -Wwrite-strings -Wimplicit-fallthrough
  -Wswitch-enum -Wconversion -Wno-sign-conversion
  $<$<BOOL:${TAPEMILL_WERROR}>:-Werror>)
target_include_directories(tapemill_build INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)

if(TAPEMILL_HARDEN)
  check_pie_supported()
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  target_compile_options(tapemill_build INTERFACE -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  target_link_options(tapemill_build INTERFACE -Wl,-z,relro,-z,now)
endif()
