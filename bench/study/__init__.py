"""The comparison study: heed and everybody else, on one matrix of variants and shapes, in one command.

    ./dev study quick | paper | STUDY.toml      measures
    ./dev study report DIR                      tables, figures and pages of a record
    ./dev study compare A B                     two records

One subject a file: `plan` reads what is asked for, `catalogue` holds the variants and `peers/` the implementations,
`conductor` measures, `record` keeps, `report/` shows. docs/study.md says how to add a variant and a peer.
"""
