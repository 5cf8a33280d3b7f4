"""Declaration of options, and settings read from files.

- config_files: settings from JSON or TOML, and from options and files together
- declaration: markers of a field (`Bounds`, `Panel`, ...), its checks, and the options of a command
- signatures: decorators by which functions show settings as parameters
"""
