# Every sql/<folder>/<file>.sql becomes an entry of the table in generated/sql_files.c, found at run time by
# "<folder>/<file>". A file that appears, changes or goes re-runs the embedding.
add_executable(sqlembed ${CMAKE_SOURCE_DIR}/cmake/sqlembed.c)
file(GLOB_RECURSE SQL_FILES CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/sql ${CMAKE_SOURCE_DIR}/sql/*.sql)
list(SORT SQL_FILES)
set(SQL_DEPENDS ${SQL_FILES})
list(TRANSFORM SQL_DEPENDS PREPEND ${CMAKE_SOURCE_DIR}/sql/)
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/generated/sql_files.c
  COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/generated
  COMMAND sqlembed ${CMAKE_BINARY_DIR}/generated/sql_files.c ${CMAKE_SOURCE_DIR}/sql ${SQL_FILES}
  DEPENDS sqlembed ${SQL_DEPENDS} VERBATIM)
add_custom_target(sql_files DEPENDS ${CMAKE_BINARY_DIR}/generated/sql_files.c)
