"""A local page on which a partition is painted and its bound, Renyi-2 and entropy are read off at once.

    browser --[ JSON, this machine only ]--> server --> questions --> answers --> explored (model, states)

`commands` is the command `tnsim explore`; `server` needs the extra `explore` and nothing else does.
"""
