# A header of C++ as Doxygen and Sphinx can read it, for docs/site/doxyfile.
# Doxygen takes a deduction guide for the class once more.
/^template <class\.\.\. Stages>$/{
  N
  /Pipeline(Stages\.\.\.) ->/d
}
# Sphinx can't parse what such a type is made from.
s/typename decltype(std::declval<const S&>().deserialize(bytes))::value_type/ValueOf<S>/
# Doxygen takes the mark between digits for a quotation mark, and loses comments behind it.
s/\([0-9]\)'\([0-9]\)/\1\2/g
